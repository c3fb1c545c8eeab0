"""What the account says: the balance, the price of a model, the log of calls.

Three questions to AI/ML API's account endpoints, each answered with a value. They are free. A field
that the documentation does not promise is not read; an answer without the promised ones is an
ProviderError BAD_ANSWER that quotes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

import msgspec
from aiolimiter import AsyncLimiter

from batchgen.core.cost import MOST_CREDIBLE_USD
from batchgen.providers.aimlapi.about import read_about
from batchgen.providers.answers.reading import problem_in, unreadable
from batchgen.providers.base import Balance, HttpCall, HttpResponse, LogEntry, QuotedPrice
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS
from batchgen.providers.http.transport import HttpTransport

# As the documentation of /v2/logs has it.
MAX_LOG_WINDOW: Final = timedelta(days=92)
LOG_PAGE_ENTRIES: Final = 100
# 180 pages a minute: the service allows 200, and others may be asking too.
_LOG_PAGES_PER_SECOND: Final = 3
# An answer's date has whole seconds, and may be as old as the answer took.
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)


class _Billing(msgspec.Struct):
    current_balance: float
    currency: str = "USD"


class _Unit(msgspec.Struct):
    name: str = ""
    measure: str = ""
    price: float | None = None
    per: float = 1


class _Pricing(msgspec.Struct):
    kind: str
    currency: str = "USD"
    units: list[_Unit] | None = None


class _Model(msgspec.Struct):
    id: str
    aliases: list[str] | None = None
    pricing: _Pricing | None = None


class _Models(msgspec.Struct):
    data: list[_Model]


class _Cost(msgspec.Struct):
    usd: float | None = None


class _Entry(msgspec.Struct):
    created: datetime
    status: str
    model: str = ""
    cost: _Cost | None = None
    inference_id: str | None = None
    client_request_id: str | None = None


class _Pagination(msgspec.Struct):
    has_more: bool = False


class _Logs(msgspec.Struct):
    data: list[_Entry]
    pagination: _Pagination | None = None


Body = TypeVar("Body", bound=msgspec.Struct)


class AimlapiBilling:
    """Questions about the account whose key the transport carries. Every method raises ProviderError as a call does."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport
        self._log_pages = AsyncLimiter(1, 1 / _LOG_PAGES_PER_SECOND)
        self._ahead: timedelta | None = None  # our clock of the service's

    async def balance(self) -> Balance:
        """The balance in US dollars."""
        answer = await self._get("/v2/billing", {})
        billing = self._read(answer, _Billing)
        if billing.currency.upper() != "USD":
            raise unreadable(answer, f"the balance is in {billing.currency}, not in USD", read_about)
        return Balance(billing.current_balance)

    async def model_price(self, model: str) -> QuotedPrice | None:
        """What the service asks for a model, by its name or an alias; None if it does not list the model."""
        answer = await self._get("/v1/models", {"id": model, "include": "pricing"})
        for listed in self._read(answer, _Models).data:
            if model == listed.id or model in (listed.aliases or ()):
                return _price(listed.pricing)
        return None

    async def logs(self, start: datetime, end: datetime) -> AsyncIterator[LogEntry]:
        """All calls from `start` to `end` (aware), newest first, asked for in pages and no faster than allowed.

        Both, and the times of the calls, are by this machine's clock, whatever the service's says.
        """
        until = end
        while until > start:
            since = max(start, until - MAX_LOG_WINDOW)
            async for entry in self._window(since, until):
                yield entry
            until = since

    async def _window(self, start: datetime, end: datetime) -> AsyncIterator[LogEntry]:
        offset = 0
        before: list[_Entry] = []
        while True:
            ahead = self._ahead or timedelta()
            query = {"start": _iso(start - ahead), "end": _iso(end - ahead), "limit": str(LOG_PAGE_ENTRIES)}
            async with self._log_pages:
                answer = await self._get("/v2/logs", {**query, "offset": str(offset)})
            if self._ahead is None:
                self._ahead = _clock_ahead(answer)
                if self._ahead:
                    continue  # that page was of another time
            page = self._read(answer, _Logs)
            if page.data and page.data == before:
                raise unreadable(answer, "the log gives the same page again and again", read_about)
            for entry in page.data:
                yield _log_entry(entry, ahead, answer.redact)
            if not page.data or page.pagination is None or not page.pagination.has_more:
                return
            before = page.data
            offset += len(page.data)

    async def _get(self, path: str, query: Mapping[str, str]) -> HttpResponse:
        response = await self._transport.call(HttpCall("GET", path, query=query))
        if failure := problem_in(response, read_about):
            raise failure
        return response

    def _read(self, answer: HttpResponse, shape: type[Body]) -> Body:
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            problem = f"the answer is not what the documentation promises ({error})"
        raise unreadable(answer, problem, read_about)


def _price(pricing: _Pricing | None) -> QuotedPrice:
    if pricing is None:
        return QuotedPrice("unknown", None)
    match pricing.units:
        case [_Unit(name="image", measure="output", price=float(price), per=per)] if per > 0:
            per_image = pricing.kind == "fixed" and pricing.currency.upper() == "USD"
            return QuotedPrice(pricing.kind, _amount(price / per) if per_image else None)
        case _:
            return QuotedPrice(pricing.kind, None)


def _clock_ahead(answer: HttpResponse) -> timedelta:
    """How far this machine's clock is ahead of the service's; zero where they are as good as equal, or nobody says."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        ahead = answer.received_at - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return timedelta()
    return ahead if abs(ahead) > _CLOCK_TOLERANCE else timedelta()


def _log_entry(entry: _Entry, ahead: timedelta, redact: Callable[[str, int], str]) -> LogEntry:
    created = entry.created if entry.created.tzinfo else entry.created.replace(tzinfo=UTC)
    return LogEntry(
        created + ahead,
        redact(entry.status, MAX_ID_CHARACTERS),
        redact(entry.model, MAX_ID_CHARACTERS),
        _amount(entry.cost.usd) if entry.cost else None,
        entry.inference_id and redact(entry.inference_id, MAX_ID_CHARACTERS),
        entry.client_request_id and redact(entry.client_request_id, MAX_ID_CHARACTERS),
    )


def _amount(usd: float | None) -> float | None:
    """An amount of money; None for what cannot be one."""
    return usd if usd is not None and 0 <= usd <= MOST_CREDIBLE_USD else None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
