"""The index against the service's bill: what became of every attempt in doubt, and what each request really cost.

The log of calls is read for the time of the dataset's runs, with a margin, and each call is found again by
its client request id, which names run and request. What the log has of an attempt is what it cost; what the index
knows of other attempts stays, since they may stand in the log of another key. An attempt in doubt that is missing
never reached the service if the log would have it: it has calls of its run (else it is the log of another key), the
call that the service answered in its stead (else it does not reach back so far), and the last one was long ago.
The price: half a kilobyte of memory for each request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pyarrow.compute as pc

from batchgen.core.attempts import parse_attempt_id, run_of_attempt, run_start
from batchgen.core.cost import CostSource, is_unknown
from batchgen.core.format import dollars
from batchgen.core.keys import key_of
from batchgen.core.request import DEFAULT_PROVIDER
from batchgen.dataset.events.log import first_run_id
from batchgen.dataset.index.charges import of_slot
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.cost_corrections import amend_costs
from batchgen.providers.base import Billing, LogEntry

# The documentation says that a charge appears "a while" after the answer; an hour is a long while.
LOG_DELAY = timedelta(hours=1)
# The service's clock and ours may differ by minutes.
_CLOCK_MARGIN = timedelta(minutes=10)
# Sums of floating-point numbers are off by less, and no price is that small.
_ROUNDING_USD = 1e-6

_COLUMNS = [
    "provider",
    "fingerprint",
    "row_id",
    "client_request_id",
    "inference_id",
    "cost_usd",
    "cost_source",
    "finished_at",
    "in_doubt_ids",
    "charges",
]


class Fate(StrEnum):
    """What became of an attempt whose answer was never seen."""

    CHARGED = "charged"
    NOT_CHARGED = "not_charged"  # it reached the service and cost nothing
    NEVER_ARRIVED = "never_arrived"
    NOT_LOGGED_YET = "not_logged_yet"
    OTHER_LOG = "other_log"  # the log cannot tell: another key made it, or it is too long ago


@dataclass(frozen=True, slots=True)
class Doubt:
    """One attempt in doubt, and what the log says of it. cost_usd is None where that is not known."""

    client_request_id: str
    row_id: str
    fate: Fate
    cost_usd: float | None


@dataclass(slots=True)
class Reconciliation:
    """Index against bill, for the calls from `start` to `end`.

    index_usd and unknown_requests: what the index said before, and for how many requests it knew no cost. bill_usd:
    what the log says of all calls of this dataset's runs. corrected_usd and corrected_requests: what the index
    says now, and for how many requests that is new. open_requests: those with an attempt that cost something, or may
    have, and that no log has shown yet. unindexed: calls that cost money, for requests that the index does not know.
    """

    start: datetime
    end: datetime
    entries: int = 0
    index_usd: float = 0.0
    unknown_requests: int = 0
    bill_usd: float = 0.0
    corrected_usd: float = 0.0
    corrected_requests: int = 0
    open_requests: int = 0
    doubts: list[Doubt] = field(default_factory=list)
    unindexed: list[LogEntry] = field(default_factory=list)


@dataclass(slots=True)
class _Attempt:
    """What the index says of an attempt, and beside it what the log says.

    index_usd: what is known of its cost. is_answered: the service gave it an id, so its log must have it.
    """

    index_usd: float = 0.0
    source: CostSource = CostSource.HEADER
    is_answered: bool = False
    is_logged: bool = False
    billed_usd: float | None = 0.0  # None: a call of it is in the log without its cost

    def is_corrected_by(self, usd: float) -> bool:
        """Whether this cost is news."""
        return self.source is CostSource.UNKNOWN or abs(usd - self.index_usd) > _ROUNDING_USD


@dataclass(slots=True)
class _Request:
    """The attempts of a request, by client request id, and when the last of them ended."""

    finished_at: datetime
    attempts: dict[str, _Attempt] = field(default_factory=dict)

    def attempt(self, client_request_id: str) -> _Attempt:
        """Return an attempt of this id, a new one if there is none."""
        return self.attempts.setdefault(client_request_id, _Attempt())


def providers_in(layout: Layout) -> list[str]:
    """Return the names of the providers that requests of a dataset were sent to. Raises DamagedIndex."""
    names: set[str] = set()
    for table in latest(layout, ["provider", "client_request_id"]):
        sent = table.filter(pc.is_valid(table["client_request_id"]))
        names.update(name or DEFAULT_PROVIDER for name in sent["provider"].unique().to_pylist())
    return sorted(names)


async def reconcile(
    layout: Layout,
    provider: str,
    billing: Billing,
    now: datetime,
    read: Callable[[int], object] = lambda entries: None,
) -> Reconciliation | None:
    """Compare and correct what a dataset, held by the caller, says of one provider.

    Args:
        layout: The dataset.
        provider: Whose log it is; requests at other providers are left alone.
        billing: What has the log of calls.
        now: The time, aware.
        read: Is told how many entries of the log were read since.

    Returns:
        Index against bill; None if nothing was ever sent to the provider.

    Raises:
        ProviderError: The log cannot be read.
        DamagedIndex: A part of the index cannot be read.
    """
    books = _Books(layout, provider)
    if not books.requests:
        return None
    start = min(books.started_at - _CLOCK_MARGIN, now)
    result = Reconciliation(start, min(books.finished_at + LOG_DELAY, now))
    seen: set[int] = set()
    async for entry in billing.logs(result.start, result.end):
        read(1)
        identity = hash(entry.inference_id or entry.client_request_id)
        if identity not in seen:  # pages overlap where calls were logged meanwhile
            seen.add(identity)
            books.enter(entry, result)
    amend_costs(layout, *books.close(result, now))
    return result


class _Books:
    """Every request that was sent, by key, and every attempt in doubt."""

    def __init__(self, layout: Layout, provider: str) -> None:
        self.requests: dict[int, _Request] = {}
        self._doubts: dict[str, tuple[str, int]] = {}  # client request id -> row id, key of the request
        self._logged_runs: set[str] = set()
        for table in latest(layout, _COLUMNS):
            for batch in table.to_batches():
                for slot in batch.to_pylist():
                    if slot["client_request_id"] is not None and (slot["provider"] or DEFAULT_PROVIDER) == provider:
                        self._add(slot)
        self._runs = {run_of_attempt(i) for request in self.requests.values() for i in request.attempts}
        starts = [run_start(run_id or "") for run_id in (*self._runs, first_run_id(layout.events))]
        self.finished_at = max((request.finished_at for request in self.requests.values()), default=datetime.now(UTC))
        self.started_at = min(filter(None, starts), default=self.finished_at)

    def enter(self, entry: LogEntry, result: Reconciliation) -> None:
        """Take in one call of the log."""
        client_request_id = entry.client_request_id or ""
        named = parse_attempt_id(client_request_id)
        if named is None or named[0] not in self._runs:
            return
        self._logged_runs.add(named[0])
        result.entries += 1
        cost = 0.0 if entry.cost_usd is None and entry.status == "failed" else entry.cost_usd
        result.bill_usd += cost or 0.0
        request = self.requests.get(named[1])
        if request is not None:
            attempt = request.attempt(client_request_id)
            attempt.is_logged = True
            attempt.billed_usd = _plus(attempt.billed_usd, cost)
        elif cost != 0:
            result.unindexed.append(entry)

    def close(self, result: Reconciliation, now: datetime) -> tuple[dict[int, dict[str, float]], dict[int, str]]:
        """Draw the line under both columns; return corrected costs, and what to say of slots in doubt, by key."""
        bills: dict[int, dict[str, float]] = {}
        remarks: dict[int, str] = {}
        for key, request in self.requests.items():
            billed = {i: self._billed(i, request, now) for i in request.attempts}
            known = {i: usd for i, usd in billed.items() if usd is not None}
            news = {i: usd for i, usd in known.items() if request.attempts[i].is_corrected_by(usd)}
            cost_usd = sum(known.get(i, attempt.index_usd) for i, attempt in request.attempts.items())
            result.index_usd += sum(attempt.index_usd for attempt in request.attempts.values())
            result.corrected_usd += cost_usd
            result.unknown_requests += any(is_unknown(attempt.source) for attempt in request.attempts.values())
            result.open_requests += len(known) < len(billed)
            if news:
                bills[key] = news
                if len(known) == len(billed):
                    remarks[key] = f"the service's log says that it cost {dollars(cost_usd)}"
        result.corrected_requests = len(bills)
        result.doubts = [self._doubt(client_request_id, now) for client_request_id in self._doubts]
        return bills, remarks

    def _add(self, slot: dict[str, Any]) -> None:
        key = key_of(slot["fingerprint"])
        request = self.requests.setdefault(key, _Request(slot["finished_at"]))
        request.finished_at = max(request.finished_at, slot["finished_at"])
        request.attempt(slot["client_request_id"]).is_answered |= slot["inference_id"] is not None
        for charge in of_slot(slot):
            attempt = request.attempt(charge.client_request_id)
            attempt.index_usd += charge.cost_usd or 0.0
            attempt.source = CostSource.weakest(attempt.source, charge.cost_source)
        for client_request_id in slot["in_doubt_ids"]:
            self._doubts[client_request_id] = slot["row_id"], key

    def _billed(self, client_request_id: str, request: _Request, now: datetime) -> float | None:
        """What an attempt cost, as the log says now or said before; None as long as it does not say it."""
        attempt = request.attempts[client_request_id]
        if attempt.is_logged:
            return attempt.billed_usd
        if attempt.source is CostSource.BILL:
            return attempt.index_usd
        if attempt.index_usd:
            return None
        free = not is_unknown(attempt.source) or self._never_arrived(client_request_id, request, now)
        return 0.0 if free else None

    def _never_arrived(self, client_request_id: str, request: _Request, now: datetime) -> bool:
        """Whether the log would have an attempt by now: it has what the same run was answered for this request."""
        run_id = run_of_attempt(client_request_id)
        of_run = [attempt for i, attempt in request.attempts.items() if run_of_attempt(i) == run_id]
        beside = [attempt for attempt in of_run if attempt.is_answered]
        reaches_back = run_id in self._logged_runs and all(attempt.is_logged for attempt in beside)
        return reaches_back and request.finished_at <= now - LOG_DELAY

    def _doubt(self, client_request_id: str, now: datetime) -> Doubt:
        row_id, key = self._doubts[client_request_id]
        request = self.requests[key]
        attempt = request.attempt(client_request_id)
        cost_usd = self._billed(client_request_id, request, now)
        if attempt.is_logged or (attempt.source is CostSource.BILL and cost_usd):
            fate = Fate.NOT_CHARGED if cost_usd == 0 else Fate.CHARGED
        elif self._never_arrived(client_request_id, request, now):
            fate = Fate.NEVER_ARRIVED
        elif attempt.source is CostSource.BILL:
            fate = Fate.NOT_CHARGED
        elif run_of_attempt(client_request_id) in self._logged_runs and request.finished_at > now - LOG_DELAY:
            fate = Fate.NOT_LOGGED_YET
        else:
            fate = Fate.OTHER_LOG
        return Doubt(client_request_id, row_id, fate, cost_usd)


def _plus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left + right
