"""How counts, money, sizes, times and untrusted text are written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.core.format import count, dollars, duration, printable, quote, round_usd, shorten, size


@pytest.mark.parametrize(
    ("number", "noun", "written"),
    [
        (1, "image", "1 image"),
        (1200, "image", "1,200 images"),
        (1, "retry", "1 retry"),
        (2, "retry", "2 retries"),
        (1, "entry", "1 entry"),
        (0, "entry", "0 entries"),
        (2, "key", "2 keys"),
        (3, "batch", "3 batches"),
    ],
)
def test_a_count_agrees_with_its_noun(number: int, noun: str, written: str) -> None:
    assert count(number, noun) == written


@pytest.mark.parametrize(
    ("usd", "written"),
    [
        (0, "$0.00"),
        (0.5, "$0.50"),
        (0.05, "$0.05"),
        (0.039, "$0.039"),
        (0.0055, "$0.0055"),
        (0.00004, "$0.00004"),
        (0.1 + 0.2, "$0.30"),
        (0.9999999, "$1.00"),
        (1234.5, "$1,234.50"),
        (3.7600000000000025, "$3.76"),
        (-0.5, "-$0.50"),
    ],
)
def test_an_amount_has_the_digits_that_it_needs(usd: float, written: str) -> None:
    assert dollars(usd) == written


@given(st.lists(st.integers(1, 1_000_000), max_size=200))
def test_a_sum_of_prices_has_no_dust_in_json(prices_in_micro_usd: list[int]) -> None:
    usd = sum(price / 1_000_000 for price in prices_in_micro_usd)
    assert round_usd(usd) == sum(prices_in_micro_usd) / 1_000_000
    assert len(json.dumps(round_usd(usd)).partition(".")[2]) <= 6 or "e-" in json.dumps(round_usd(usd))


@pytest.mark.parametrize(
    ("number_of_bytes", "written"), [(2_100_000, "2.1 MB"), (340_000_000_000, "340 GB"), (1_500_000_000_000, "1.5 TB")]
)
def test_a_size_is_in_powers_of_a_thousand(number_of_bytes: int, written: str) -> None:
    assert size(number_of_bytes) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(3.21, "3.2 s"), (250, "4 min 10 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")]
)
def test_a_time_has_two_units(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@given(st.text(st.characters(codec=None)))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert printable(text).replace("\n", "").isprintable()
    assert printable(printable(text)) == printable(text)
    assert shorten(text, 20).isprintable()
    assert len(shorten(text, 20)) <= 20
    assert quote(text).isprintable()


def test_escapes_are_shown_and_not_obeyed() -> None:
    assert printable("a\x1b[2Jb\n\u202ec") == "a\\x1b[2Jb\n\\u202ec"
    assert shorten("two\n  lines\x07") == "two lines\\x07"
    assert shorten("a" * 200) == "a" * 159 + "…"
