"""The index against the service's bill: what became of every attempt in doubt, and what each request really cost.

The log of calls is read for the time of the dataset's runs, with a margin, and each call is found again by
its client request id, which names run and request. A request's cost is corrected where the log is
known to be complete for it: the log has calls of the request's run (else it is the log of another key),
and its last attempt is old enough, or the log already shows as much as the index. An attempt that
is old enough and not in such a log never reached the service. The price: some hundred bytes of memory a request.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.api.account import LogEntry
from batchgen.dataset.amend import amend_costs
from batchgen.dataset.events import first_run_id
from batchgen.dataset.layout import Layout
from batchgen.dataset.parts import Keys, fingerprint_keys
from batchgen.dataset.reader import latest

# The documentation says that a charge appears "a while" after the answer; an hour is a long while.
LOG_DELAY = timedelta(hours=1)
# The service's clock and ours may differ by minutes.
_CLOCK_MARGIN = timedelta(minutes=10)
# Sums of floating-point numbers are off by less, and no price is that small.
_ROUNDING_USD = 1e-6

_COLUMNS = ["fingerprint", "row_id", "client_request_id", "cost_usd", "run_id", "finished_at", "in_doubt_ids"]
_ATTEMPT_ID = re.compile(r"((\d{8}T\d{6})Z-[0-9a-f]{4})\.([0-9a-f]{16})\.\d+", re.ASCII)


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
    OTHER_LOG = "other_log"  # the log knows nothing of its run: that was another key


UNSETTLED = frozenset({Fate.NOT_LOGGED_YET, Fate.OTHER_LOG})


@dataclass(frozen=True, slots=True)
class Doubt:
    """One attempt in doubt, and what the log says of it. cost_usd is None where that is not known."""

    client_request_id: str
    row_id: str
    fate: Fate
    cost_usd: float | None


@dataclass(slots=True)
class Reconciliation:
    """Index against bill.

    index_usd, unknown_requests: what the index said before, and how many requests had no known cost.
    bill_usd: what the log says of all calls of this dataset's runs. corrected_usd: what the index says now.
    uncertain_requests: those for which the log may not be complete, left as they are. unindexed: calls of these
    runs that cost money and whose request the index does not know.
    """

    start: datetime
    end: datetime
    entries: int = 0
    index_usd: float = 0.0
    unknown_requests: int = 0
    bill_usd: float = 0.0
    corrected_usd: float = 0.0
    corrected_requests: int = 0
    uncertain_requests: int = 0
    doubts: list[Doubt] = field(default_factory=list)
    unindexed: list[LogEntry] = field(default_factory=list)


async def reconcile(
    layout: Layout, account: Account, now: datetime, read: Callable[[int], object] = lambda entries: None
) -> Reconciliation | None:
    """Compare and correct a dataset that the caller holds; None if nothing was ever sent for it.

    read: is told how many entries of the log were read since. Raises ApiError, DamagedIndex, OSError.
    """
    books = _Books(layout)
    if not len(books.keys):
        return None
    result = Reconciliation(books.started_at - _CLOCK_MARGIN, min(books.finished_at + LOG_DELAY, now))
    seen: set[int] = set()
    async for entry in account.logs(result.start, max(result.end, result.start)):
        result.entries += 1
        read(1)
        identity = hash(entry.inference_id or entry.client_request_id)
        if identity not in seen:  # pages overlap where calls were logged meanwhile
            seen.add(identity)
            books.enter(entry, result)
    books.close(result, now)
    amend_costs(layout, *books.corrections(now))
    return result


class _Books:
    """What the index says of every request that was sent, and beside it what the log says."""

    def __init__(self, layout: Layout) -> None:
        tables = [table.filter(pc.is_valid(table["client_request_id"])) for table in latest(layout, _COLUMNS)]
        table = pa.concat_tables(tables)
        self.keys: Keys
        self.keys, request = np.unique(fingerprint_keys(table["fingerprint"]), return_inverse=True)
        costs = table["cost_usd"].to_numpy()
        size = len(self.keys)
        self._index_usd = np.bincount(request, np.nan_to_num(costs), size)
        self._is_unknown = np.bincount(request, np.isnan(costs), size) > 0
        self._finished_us: npt.NDArray[np.int64] = np.zeros(size, np.int64)
        np.maximum.at(self._finished_us, request, table["finished_at"].cast(pa.int64()).to_numpy())
        self._runs, self._run_of = _first_of_each(table["run_id"].to_pylist(), request, size)
        self._billed_usd = np.zeros(size)
        self._is_unpriced = np.zeros(size, np.bool_)
        self._logged_runs: set[str] = set()
        self._doubts = {
            client_request_id: row_id
            for ids, row_id in zip(table["in_doubt_ids"].to_pylist(), table["row_id"].to_pylist(), strict=True)
            for client_request_id in ids or ()
        }
        self._known_runs = {*self._runs, *map(run_of, self._doubts)}
        self._logged_doubts: dict[str, float | None] = {}
        starts = [_start_of(run) for run in (*self._known_runs, first_run_id(layout.events))]
        self.started_at = min(filter(None, starts), default=datetime.now(UTC))
        self.finished_at = _moment(int(self._finished_us.max())) if size else self.started_at

    def enter(self, entry: LogEntry, result: Reconciliation) -> None:
        """Take in one call of the log."""
        named = _ATTEMPT_ID.fullmatch(entry.client_request_id or "")
        if named is None or named[1] not in self._known_runs:
            return
        self._logged_runs.add(named[1])
        cost = entry.cost_usd if entry.cost_usd is not None or entry.status == "succeeded" else 0.0
        result.bill_usd += cost or 0.0
        position = self._position(int(named[3], 16))
        if position is None:
            if cost != 0:
                result.unindexed.append(entry)
            return
        self._billed_usd[position] += cost or 0.0
        self._is_unpriced[position] |= cost is None
        if entry.client_request_id in self._doubts:
            self._logged_doubts[entry.client_request_id] = cost

    def close(self, result: Reconciliation, now: datetime) -> None:
        """Draw the line under both columns."""
        changed, uncertain = self._changed(now), self._uncertain(now)
        result.index_usd = float(self._index_usd.sum())
        result.unknown_requests = int(self._is_unknown.sum())
        result.corrected_usd = float(np.where(changed, self._billed_usd, self._index_usd).sum())
        result.corrected_requests = int(changed.sum())
        result.uncertain_requests = int((uncertain & (self._is_unknown | self._differs())).sum())
        result.doubts = [self._fate(client_request_id, now) for client_request_id in self._doubts]

    def corrections(self, now: datetime) -> tuple[dict[int, float], dict[int, str]]:
        """Return what is to be corrected: costs by key, and what is to be said of slots in doubt."""
        changed = self._changed(now)
        costs = dict(zip(self.keys[changed].tolist(), self._billed_usd[changed].tolist(), strict=True))
        return costs, {key: f"the service's log says that it cost ${cost:.4f}" for key, cost in costs.items()}

    def _changed(self, now: datetime) -> npt.NDArray[np.bool_]:
        return (self._differs() | self._is_unknown) & ~self._uncertain(now)

    def _differs(self) -> npt.NDArray[np.bool_]:
        return np.abs(self._index_usd - self._billed_usd) > _ROUNDING_USD

    def _uncertain(self, now: datetime) -> npt.NDArray[np.bool_]:
        logged = np.array([run in self._logged_runs for run in self._runs], np.bool_)[self._run_of]
        recent = self._finished_us > int((now - LOG_DELAY).timestamp() * 1e6)
        all_there = ~self._is_unknown & (self._billed_usd > self._index_usd - _ROUNDING_USD)
        for client_request_id in self._logged_doubts:  # an attempt in doubt that is found makes the cost known
            position = self._position(key_of_attempt(client_request_id))
            if position is not None:
                all_there[position] |= self._billed_usd[position] > self._index_usd[position] - _ROUNDING_USD
        return self._is_unpriced | ~logged | (recent & ~all_there)

    def _fate(self, client_request_id: str, now: datetime) -> Doubt:
        row_id = self._doubts[client_request_id]
        if client_request_id in self._logged_doubts:
            cost = self._logged_doubts[client_request_id]
            return Doubt(client_request_id, row_id, Fate.NOT_CHARGED if cost == 0 else Fate.CHARGED, cost)
        position = self._position(key_of_attempt(client_request_id))
        if run_of(client_request_id) not in self._logged_runs:
            return Doubt(client_request_id, row_id, Fate.OTHER_LOG, None)
        if position is not None and _moment(int(self._finished_us[position])) > now - LOG_DELAY:
            return Doubt(client_request_id, row_id, Fate.NOT_LOGGED_YET, None)
        return Doubt(client_request_id, row_id, Fate.NEVER_ARRIVED, 0.0)

    def _position(self, key: int) -> int | None:
        position = int(np.searchsorted(self.keys, np.uint64(key)))
        return position if position < len(self.keys) and int(self.keys[position]) == key else None
