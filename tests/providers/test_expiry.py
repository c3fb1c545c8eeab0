"""A signed link says itself when it ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from batchgen.providers.http.expiry import expired_at

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20260301T110000Z&X-Amz-Expires=3600",
        "x-goog-date=20260301T113000Z&x-goog-expires=1800",
        f"Expires={int(NOON.timestamp())}&Signature=x",
        "sv=2024&se=2026-03-01T12%3A00%3A00Z&sig=x",
    ],
)
def test_each_makers_words_are_read(query: str) -> None:
    assert expired_at(URL(f"https://cdn.example/x.png?{query}", encoded=True)) == NOON


@given(st.text(max_size=20), st.sampled_from(["Expires", "X-Amz-Expires", "se", "X-Amz-Date", "width"]))
def test_no_other_words_are_taken_for_a_date_or_raise(value: str, name: str) -> None:
    url = URL("https://cdn.example/x.png").with_query({name: value, "sig": "x"})
    assert expired_at(url) is None or value.strip()
