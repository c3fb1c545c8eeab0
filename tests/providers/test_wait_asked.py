"""How long a service asks to wait is read wherever it says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.providers.http.retry_after import MAX_RETRY_AFTER_S, wait_asked

NOW = datetime(2026, 8, 1, 12, 0, 0, tzinfo=UTC)
SOON = str(int(NOW.timestamp()) + 9)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "4", "retry-after-ms": "9"}, 4.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"ratelimit-reset": "5"}, 5.0),
        ({"x-ratelimit-reset": SOON}, 9.0),
        ({"x-ratelimit-reset-requests": "1m12.5s", "x-ratelimit-remaining-requests": "0"}, 72.5),
        ({"x-ratelimit-reset-images": "250ms"}, 0.25),
        # Of a limit that is not reached no reset is waited for.
        ({"x-ratelimit-reset-tokens": "9h", "x-ratelimit-remaining-tokens": "5"}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        # As some services write it, against the standard.
        ({"retry-after": "30s"}, 30.0),
        ({"retry-after": "1.5 sec"}, 1.5),
        ({"retry-after": "500ms"}, 0.5),
        ({"retry-after": SOON}, 9.0),
        ({"retry-after": f"{SOON}000"}, 9.0),
        ({"retry-after": "2026-08-01T12:00:09Z"}, 9.0),
        ({"retry-after": "2026-08-01T14:00:09+02:00"}, 9.0),
        ({"retry-after": "-5", "retry-after-ms": "2500"}, 2.5),
        ({"retry-after": "0", "x-ms-retry-after-ms": "2500"}, 2.5),
        ({"x-retry-after": "7"}, 7.0),
        ({"x-ratelimit-reset": f"{SOON}000"}, 9.0),
        ({"x-ratelimit-reset": "2026-08-01T12:00:09Z"}, 9.0),
        ({"x-ratelimit-reset-ms": "3500"}, 3.5),
        ({"x-ratelimit-reset-after": "3.5"}, 3.5),
        ({"x-rate-limit-reset": "12"}, 12.0),
        ({"anthropic-ratelimit-requests-reset": "2026-08-01T12:00:09Z"}, 9.0),
        ({"ratelimit": "limit=10, remaining=0, reset=12"}, 12.0),
        ({"ratelimit": '"default";r=0;t=12'}, 12.0),
        ({"ratelimit": "limit=10, remaining=3, reset=12"}, None),
        ({"ratelimit": "r=0" * 20_000}, None),
        ({"retry-after": "9m" * 30_000 + "!"}, None),
        ({}, None),
    ],
)
def test_of_headers(headers: dict[str, str], wait_s: float | None) -> None:
    assert wait_asked(headers, b"", "", NOW) == wait_s


@pytest.mark.parametrize(
    ("words", "wait_s"),
    [
        ("Limit 5, used 5, requested 1. Try again in 12s.", 12.0),
        ("please retry in 3.9s", 3.9),
        ("you can try again in 6m0s.", 360.0),
        ("try again in 20ms", 0.02),
        ("calls have exceeded the rate limit. Please retry after 45 seconds.", 45.0),
        ("wait 2 minutes and try again", 120.0),
        ("try again after 1 minute and 30 seconds", 90.0),
        ("retry in 3 days", None),
        ("retry in 30 hours", MAX_RETRY_AFTER_S),
        ("Retry after: 5 seconds", 5.0),
        ("retry after 5", 5.0),
        ("Please try again in a minute", 60.0),
        ("Rate limit resets in 45s", 45.0),
        ("Request was throttled. Your rate limit resets in ~30s.", 30.0),
        ("Your limit resets in about 2 minutes", 120.0),
        ("Your quota resets after 13h21m7s.", MAX_RETRY_AFTER_S),
        ("Available again in 33 seconds.", 33.0),
        ("images available: 20 in 60 s", None),
        ("retry after 5 attempts", None),
        ("we retried 3 servers", None),
        ("do not retry 400 errors", None),
    ],
)
def test_of_words(words: str, wait_s: float | None) -> None:
    assert wait_asked({}, b"", words, NOW) == wait_s


def test_of_error_details() -> None:
    assert wait_asked({}, b'{"error": {"details": [{"retryDelay": "39.5s"}]}}', "", NOW) == 39.5


@pytest.mark.parametrize(
    ("body", "wait_s"),
    [
        (b'{"retry_after": 4.5}', 4.5),
        (b'{"error": {"retryAfter": 4}}', 4.0),
        (b'{"retryAfter": "4s"}', 4.0),
        (b'{"retry_after_ms": 4500}', 4.5),
        (b'{"retry_after_seconds": "4"}', 4.0),
        (b'{"retryDelay": {"seconds": 4, "nanos": 0}}', 4.0),
        (b'{"retry_after": null}', None),
        (b'{"retry_after": -4}', None),
        (b'{"retry_after": 1e400}', None),
    ],
)
def test_of_fields(body: bytes, wait_s: float | None) -> None:
    assert wait_asked({}, body, "", NOW) == wait_s


RESETS = st.dictionaries(st.from_regex(r"x-ratelimit-reset(-[a-z]+)?", fullmatch=True), st.text())


@given(RESETS, st.binary(), st.text())
def test_nothing_crashes_or_waits_longer_than_the_bound(headers: dict[str, str], body: bytes, words: str) -> None:
    wait_s = wait_asked(headers, body, f"try again in {words}", NOW)
    assert wait_s is None or 0 <= wait_s <= MAX_RETRY_AFTER_S
