"""Balance, prices and the log of calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from batchgen.billing.preflight import ask_accounts
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.aimlapi.billing import MAX_LOG_WINDOW
from batchgen.providers.base import Balance, Billing, LogEntry, QuotedPrice
from batchgen.providers.http.provider import HttpProvider

from .conftest import SECRET, Open, Serve

MODEL = "imagen-3.0-generate-002"
UNIT = {"name": "image", "measure": "output", "price": 0.08, "per": 2}
START = datetime(2026, 8, 1, tzinfo=UTC)


def billing_of(provider: HttpProvider) -> Billing:
    assert provider.billing is not None
    return provider.billing


def replying(answer: object, seen: list[web.Request] | None = None):
    async def handler(request: web.Request) -> web.Response:
        if seen is not None:
            seen.append(request)
        return web.json_response(answer)

    return handler


async def test_the_balance_is_in_dollars_and_asked_for_with_the_key(serve: Serve, open_client: Open) -> None:
    seen: list[web.Request] = []
    client = await open_client(await serve(replying({"current_balance": 123.45, "currency": "USD"}, seen)))
    assert await billing_of(client).balance() == Balance(123.45)
    assert seen[0].path == "/v2/billing"
    assert seen[0].headers["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("answer", [{}, [], {"current_balance": "much"}, {"current_balance": 5, "currency": "EUR"}])
async def test_a_balance_that_cannot_be_read_is_a_bad_answer_that_quotes_it(
    serve: Serve, open_client: Open, answer: object
) -> None:
    client = await open_client(await serve(replying(answer)))
    with pytest.raises(ProviderError, match="it begins: ") as caught:
        await billing_of(client).balance()
    assert caught.value.kind is ErrorKind.BAD_ANSWER


async def test_an_account_question_fails_with_the_kinds_of_any_call(serve: Serve, open_client: Open) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"message": "no"}, status=401)

    client = await open_client(await serve(refuse))
    with pytest.raises(ProviderError) as caught:
        await billing_of(client).balance()
    assert caught.value.kind is ErrorKind.BAD_KEY


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        ({"kind": "fixed", "currency": "USD", "units": [UNIT]}, QuotedPrice("fixed", 0.04)),
        ({"kind": "fixed", "units": [{**UNIT, "per": 1}]}, QuotedPrice("fixed", 0.08)),
        ({"kind": "fixed", "units": [{**UNIT, "per": 0}]}, QuotedPrice("fixed", None)),
        ({"kind": "fixed", "units": [{**UNIT, "price": None}]}, QuotedPrice("fixed", None)),
        ({"kind": "fixed", "units": [{**UNIT, "name": "megapixel"}]}, QuotedPrice("fixed", None)),
        ({"kind": "fixed", "units": [UNIT, {**UNIT, "name": "request"}]}, QuotedPrice("fixed", None)),
        ({"kind": "fixed", "currency": "EUR", "units": [UNIT]}, QuotedPrice("fixed", None)),
        ({"kind": "variants", "variants": [{"units": [UNIT]}]}, QuotedPrice("variants", None)),
        ({"kind": "variable"}, QuotedPrice("variable", None)),
        (None, QuotedPrice("unknown", None)),
    ],
)
async def test_a_price_is_per_image_or_unknown(
    serve: Serve, open_client: Open, pricing: object, price: QuotedPrice
) -> None:
    seen: list[web.Request] = []
    answer = {"data": [{"id": "other", "pricing": None}, {"id": "google/x", "aliases": [MODEL], "pricing": pricing}]}
    client = await open_client(await serve(replying(answer, seen)))
    assert await billing_of(client).model_price(MODEL) == price
    assert dict(seen[0].query) == {"id": MODEL, "include": "pricing"}


async def test_a_model_that_is_not_listed_has_no_price(serve: Serve, open_client: Open) -> None:
    client = await open_client(await serve(replying({"data": [{"id": MODEL + "-x"}]})))
    assert await billing_of(client).model_price(MODEL) is None


def entry(number: int) -> dict[str, object]:
    return {
        "created": (START - timedelta(seconds=number)).isoformat(),
        "status": "succeeded",
        "model": MODEL,
        "cost": {"usd": 0.04},
        "inference_id": f"inf-{number}",
        "client_request_id": f"r-{number}",
    }


async def test_the_log_is_read_page_by_page_newest_first(serve: Serve, open_client: Open) -> None:
    queries = []

    async def handler(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        offset = int(request.query["offset"])
        page = [entry(number) for number in range(150)][offset : offset + 100]
        return web.json_response({"data": page, "pagination": {"has_more": offset + 100 < 150}})

    client = await open_client(await serve(handler))
    logs = billing_of(client).logs(START - timedelta(days=1), START)
    entries = [found async for found in logs]
    assert [found.client_request_id for found in entries] == [f"r-{number}" for number in range(150)]
    assert entries[0] == LogEntry(START, "succeeded", MODEL, 0.04, "inf-0", "r-0")
    assert [query["offset"] for query in queries] == ["0", "100"]
    assert queries[0]["start"] == "2026-07-31T00:00:00.000000Z"
    assert queries[0]["limit"] == "100"


async def test_a_long_time_is_asked_for_in_windows_that_the_service_allows(serve: Serve, open_client: Open) -> None:
    windows = []

    async def handler(request: web.Request) -> web.Response:
        windows.append(tuple(datetime.fromisoformat(request.query[name]) for name in ("start", "end")))
        return web.json_response({"data": []})

    client = await open_client(await serve(handler))
    start = START - timedelta(days=200)
    assert [found async for found in billing_of(client).logs(start, START)] == []
    assert windows[0][1] == START
    assert windows[-1][0] == start
    assert all(end - begin <= MAX_LOG_WINDOW for begin, end in windows)
    assert [begin for begin, _ in windows[:-1]] == [end for _, end in windows[1:]]


async def test_a_log_that_never_ends_is_a_bad_answer_and_no_hang(serve: Serve, open_client: Open) -> None:
    client = await open_client(await serve(replying({"data": [entry(0)], "pagination": {"has_more": True}})))
    with pytest.raises(ProviderError, match="same page"):
        async for _ in billing_of(client).logs(START - timedelta(days=1), START):
            pass


async def test_a_call_without_cost_or_ids_is_an_entry_all_the_same(serve: Serve, open_client: Open) -> None:
    bare = {"created": "2026-08-01T00:00:00Z", "status": "failed", "cost": None}
    client = await open_client(await serve(replying({"data": [bare]})))
    entries = [found async for found in billing_of(client).logs(START - timedelta(days=1), START)]
    assert entries == [LogEntry(START, "failed", "", None, None, None)]


@pytest.mark.parametrize("behind", [timedelta(minutes=30), timedelta(hours=-5)])
async def test_the_log_is_asked_for_and_read_by_the_services_clock(
    serve: Serve, open_client: Open, behind: timedelta
) -> None:
    called_at = datetime(2026, 7, 31, 12, tzinfo=UTC)
    asked: list[tuple[datetime, datetime]] = []

    async def by_its_own_clock(request: web.Request) -> web.Response:
        start, end = (datetime.fromisoformat(request.query[name]) for name in ("start", "end"))
        asked.append((start, end))
        entry = {"created": (called_at - behind).isoformat(), "status": "success", "client_request_id": "mine"}
        data = [entry] if start <= called_at - behind <= end else []
        date = format_datetime(datetime.now(UTC) - behind, usegmt=True)
        return web.json_response({"data": data}, headers={"Date": date})

    client = await open_client(await serve(by_its_own_clock))
    minutes = timedelta(minutes=10)
    entries = [found async for found in billing_of(client).logs(called_at - minutes, called_at + minutes)]
    assert abs(entries[0].created - called_at) < timedelta(seconds=30)
    assert len(entries) == 1
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"current_balance": 4711.0, "currency": "USD"}, "one: the account has $4,711.00."),
        ({"current_balance": 4711.0, "currency": "EUR"}, "one: Not known before the start: the balance"),
    ],
)
async def test_what_an_account_holds_is_told_apart_from_the_remarks_that_are_kept(
    serve: Serve, open_client: Open, answer: object, said: str
) -> None:
    async def billing_alone(request: web.Request) -> web.Response:
        return web.json_response(answer) if request.path == "/v2/billing" else web.json_response({}, status=404)

    billing = billing_of(await open_client(await serve(billing_alone)))
    found = await ask_accounts({"one": (billing, ["m"]), "two": (billing, ["m"]), "mute": (None, ["m"])})
    assert found.account_remarks[0].startswith(said)
    assert len(found.account_remarks) == 2
    assert found.remarks
    assert not any("4711" in remark or "4,711" in remark for remark in found.remarks)
