"""The index against the service's bill: what became of every attempt in doubt, and what each request really cost.

The log of calls is read for the time of the dataset's runs, with a margin, and each call is found again by
its client request id, which names run and request. The cost of a request is corrected only where the log is
complete for it: it has calls of the request's run (else it is the log of another key), it has the call that
the service gave an id (else it does not reach back so far), and either every other attempt that the index
names is in it, or the last one is old enough for all to be. What is then missing never reached the service.
The price: half a kilobyte of memory for each request.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from batchgen.api.account import LogEntry
from batchgen.dataset.amend import amend_costs
from batchgen.dataset.events import first_run_id
from batchgen.dataset.keys import key_of
from batchgen.dataset.layout import Layout
from batchgen.dataset.reader import latest

# The documentation says that a charge appears "a while" after the answer; an hour is a long while.
LOG_DELAY = timedelta(hours=1)
# The service's clock and ours may differ by minutes.
_CLOCK_MARGIN = timedelta(minutes=10)
# Sums of floating-point numbers are off by less, and no price is that small.
_ROUNDING_USD = 1e-6

_COLUMNS = [
    "fingerprint",
    "row_id",
    "client_request_id",
    "inference_id",
    "cost_usd",
    "run_id",
    "finished_at",
    "in_doubt_ids",
]
_ATTEMPT_ID = re.compile(r"(?P<run>(?P<start>\d{8}T\d{6}Z)-[0-9a-f]{4})\.(?P<key>[0-9a-f]{16})\.\d+", re.ASCII)


class Account(Protocol):
    """Whoever has the log of calls."""

    def logs(self, start: datetime, end: datetime) -> AsyncIterator[LogEntry]:
        """All calls from `start` to `end`. Raises ApiError."""


class Fate(StrEnum):
    """What became of an attempt whose answer was never seen."""

    CHARGED = "charged"
    NOT_CHARGED = "not_charged"  # it reached the service and cost nothing
    NEVER_ARRIVED = "never_arrived"
    NOT_LOGGED_YET = "not_logged_yet"
    OTHER_LOG = "other_log"  # the log knows nothing of its run: another key made it


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
    says now, and for how many requests that is new. open_requests: those that differ and for which the log is not
    complete. unindexed: calls that cost money, for requests that the index does not know.
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
class _Request:
    """What the index says of a request, and beside it what the log says."""

    run_id: str
    finished_at: datetime
    index_usd: float | None = 0.0  # None: at least one slot's cost is unknown
    billed_usd: float | None = 0.0  # None: at least one call's cost is not in the log
    missing: set[str] = field(default_factory=set)  # attempts that the index names and the log has not shown
    arrived: set[str] = field(default_factory=set)  # those of them that the service is known to have answered

    @property
    def differs(self) -> bool:
        if self.index_usd is None or self.billed_usd is None:
            return True
        return abs(self.index_usd - self.billed_usd) > _ROUNDING_USD


async def reconcile(
    layout: Layout, account: Account, now: datetime, read: Callable[[int], object] = lambda entries: None
) -> Reconciliation | None:
    """Compare and correct a dataset that the caller holds; None if nothing was ever sent for it.

    read: is told how many entries of the log were read since. Raises ApiError, DamagedIndex, OSError.
    """
    books = _Books(layout)
    if not books.requests:
        return None
    start = min(books.started_at - _CLOCK_MARGIN, now)
    result = Reconciliation(start, min(books.finished_at + LOG_DELAY, now))
    seen: set[int] = set()
    async for entry in account.logs(result.start, result.end):
        read(1)
        identity = hash(entry.inference_id or entry.client_request_id)
        if identity not in seen:  # pages overlap where calls were logged meanwhile
            seen.add(identity)
            books.enter(entry, result)
    amend_costs(layout, *books.close(result, now))
    return result


class _Books:
    """Every request that was sent, by key, and every attempt in doubt."""

    def __init__(self, layout: Layout) -> None:
        self.requests: dict[int, _Request] = {}
        self._doubts: dict[str, str] = {}  # client request id -> row id
        self._logged: dict[str, float | None] = {}  # what attempts in doubt cost
        self._logged_runs: set[str] = set()
        for table in latest(layout, _COLUMNS):
            for batch in table.to_batches():
                for slot in batch.to_pylist():
                    if slot["client_request_id"] is not None:
                        self._add(slot)
        self._runs = {request.run_id for request in self.requests.values()} | {_run_of(i) for i in self._doubts}
        starts = [_start_of(run_id) for run_id in (*self._runs, first_run_id(layout.events))]
        self.finished_at = max((request.finished_at for request in self.requests.values()), default=datetime.now(UTC))
        self.started_at = min(filter(None, starts), default=self.finished_at)

    def enter(self, entry: LogEntry, result: Reconciliation) -> None:
        """Take in one call of the log."""
        client_request_id = entry.client_request_id or ""
        named = _ATTEMPT_ID.fullmatch(client_request_id)
        if named is None or named["run"] not in self._runs:
            return
        self._logged_runs.add(named["run"])
        result.entries += 1
        cost = 0.0 if entry.cost_usd is None and entry.status == "failed" else entry.cost_usd
        result.bill_usd += cost or 0.0
        if client_request_id in self._doubts:
            self._logged[client_request_id] = cost
        request = self.requests.get(int(named["key"], 16))
        if request is not None:
            request.missing.discard(client_request_id)
            request.arrived.discard(client_request_id)
            request.billed_usd = _plus(request.billed_usd, cost)
        elif cost != 0:
            result.unindexed.append(entry)

    def close(self, result: Reconciliation, now: datetime) -> tuple[dict[int, float], dict[int, str]]:
        """Draw the line under both columns; return corrected costs, and what to say of slots in doubt, by key."""
        costs: dict[int, float] = {}
        for key, request in self.requests.items():
            index_usd = request.index_usd or 0.0
            result.index_usd += index_usd
            result.unknown_requests += request.index_usd is None
            if request.differs and request.billed_usd is not None and self._is_complete(request, now):
                costs[key] = request.billed_usd
            else:
                result.open_requests += request.differs
            result.corrected_usd += costs.get(key, index_usd)
        result.corrected_requests = len(costs)
        result.doubts = [self._doubt(client_request_id, now) for client_request_id in self._doubts]
        return costs, {key: f"the service's log says that it cost ${cost:.4f}" for key, cost in costs.items()}

    def _add(self, slot: dict[str, Any]) -> None:
        request = self.requests.setdefault(key_of(slot["fingerprint"]), _Request(slot["run_id"], slot["finished_at"]))
        request.finished_at = max(request.finished_at, slot["finished_at"])
        request.index_usd = _plus(request.index_usd, slot["cost_usd"])
        request.missing.add(slot["client_request_id"])
        if slot["inference_id"] is not None:
            request.arrived.add(slot["client_request_id"])
        for client_request_id in slot["in_doubt_ids"]:
            request.missing.add(client_request_id)
            self._doubts[client_request_id] = slot["row_id"]

    def _is_complete(self, request: _Request, now: datetime) -> bool:
        """Whether the log has, or must have by now, every attempt of a request."""
        logged = request.run_id in self._logged_runs
        old = request.finished_at <= now - LOG_DELAY
        return logged and not request.arrived and (not request.missing or old)

    def _doubt(self, client_request_id: str, now: datetime) -> Doubt:
        row_id = self._doubts[client_request_id]
        if client_request_id in self._logged:
            cost = self._logged[client_request_id]
            return Doubt(client_request_id, row_id, Fate.NOT_CHARGED if cost == 0 else Fate.CHARGED, cost)
        if _run_of(client_request_id) not in self._logged_runs:
            return Doubt(client_request_id, row_id, Fate.OTHER_LOG, None)
        named = _ATTEMPT_ID.fullmatch(client_request_id)
        request = self.requests.get(int(named["key"], 16)) if named else None
        if request is not None and request.finished_at > now - LOG_DELAY:
            return Doubt(client_request_id, row_id, Fate.NOT_LOGGED_YET, None)
        return Doubt(client_request_id, row_id, Fate.NEVER_ARRIVED, 0.0)


def _plus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left + right


def _run_of(client_request_id: str) -> str:
    return client_request_id.partition(".")[0]


def _start_of(run_id: str | None) -> datetime | None:
    """When a run began, as its id says."""
    try:
        return datetime.strptime((run_id or "").partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
