"""Whatever a service answers, well-formed or not, ends as a value or as an error with words, and soon."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.providers import api_key

from batchgen.core.errors import ProviderError
from batchgen.providers.aimlapi.billing import AimlapiBilling
from batchgen.providers.base import Balance, HttpCall, HttpResponse, LogEntry, QuotedPrice
from batchgen.providers.http.redaction import MAX_MESSAGE_CHARACTERS, redact
from batchgen.providers.http.words import explain, message_in

KEY = api_key("sk-marked")
NOW = datetime(2026, 8, 1, tzinfo=UTC)

NAMES = st.sampled_from(
    [
        "data",
        "id",
        "aliases",
        "pricing",
        "kind",
        "currency",
        "units",
        "name",
        "measure",
        "price",
        "per",
        "current_balance",
        "message",
        "error",
        "created",
        "status",
        "model",
        "cost",
        "usd",
        "client_request_id",
        "inference_id",
        "pagination",
        "has_more",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["iVBORw0KGgo=", "https://cdn.example/a.png", "data:image/png;base64,AAAA", "2026-08-01T00:00:00Z"]
    )
    | st.sampled_from(["image", "output", "fixed", "USD", "m", "succeeded", "failed", "\x1b[31m", "‮"])
)
# JSON that is nearly what the documentation shows.
ANSWERS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)


@settings(max_examples=300)
@given(st.integers(100, 999), ANSWERS.map(lambda answer: json.dumps(answer).encode()) | st.binary(max_size=300))
def test_the_words_of_any_error_fit_on_one_line_and_are_harmless(status: int, body: bytes) -> None:
    words = explain(response(status, body + b" sk-marked"))
    assert words.isprintable()
    assert 0 < len(words) <= MAX_MESSAGE_CHARACTERS
    assert "sk-marked" not in words
    assert message_in(body) != ""


def response(status: int, body: bytes) -> HttpResponse:
    return HttpResponse(
        "https://api.example/v1", status, {}, body, None, lambda text, limit: redact(text, KEY, limit), NOW
    )


class Answering:
    """A transport that gives one answer to every question."""

    def __init__(self, answer: Any) -> None:
        self._body = json.dumps(answer).encode()

    async def call(self, call: HttpCall) -> HttpResponse:
        return response(200, self._body)


def ask(question: Any) -> Any:
    with suppress(ProviderError):
        return asyncio.run(question)
    return None


async def first_entries(account: AimlapiBilling) -> list[LogEntry]:
    entries = []
    async for entry in account.logs(NOW - timedelta(days=1), NOW):
        entries.append(entry)
        if len(entries) > 3:
            break
    return entries


@settings(max_examples=150, deadline=None)
@given(ANSWERS | st.fixed_dictionaries({"data": ANSWERS}) | st.fixed_dictionaries({"data": st.lists(ANSWERS)}))
def test_an_account_of_any_shape_gives_values_or_says_why_not(answer: Any) -> None:
    account = AimlapiBilling(Answering(answer))  # type: ignore[arg-type]
    assert isinstance(ask(account.balance()), Balance | None)
    price = ask(account.model_price("m"))
    assert isinstance(price, QuotedPrice | None)
    assert price is None or price.usd_per_image is None or 0 <= price.usd_per_image < float("inf")
    assert all(isinstance(entry, LogEntry) for entry in ask(first_entries(account)) or [])


@pytest.mark.parametrize("price", [-1, 1e308])
@pytest.mark.parametrize("per", [0, -1, 1e-308])
def test_a_price_that_cannot_be_one_is_not_known(price: float, per: float) -> None:
    unit = {"name": "image", "measure": "output", "price": price, "per": per}
    answer = {"data": [{"id": "m", "pricing": {"kind": "fixed", "units": [unit]}}]}
    found = ask(AimlapiBilling(Answering(answer)).model_price("m"))  # type: ignore[arg-type]
    assert found == QuotedPrice("fixed", None)
