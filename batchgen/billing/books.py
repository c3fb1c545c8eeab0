"""Every attempt that the index knows of, and beside it what the service's log says of it.

The log's word on an attempt is its cost; what the index knows of other attempts stays, since they may stand in the log
of another key. That an attempt in doubt is missing from the log says that it never reached the service only if the log
would have it: every attempt of its run that the service answered stands in it, but for the last hour's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from batchgen.billing.findings import Doubt, Fate, Reconciliation
from batchgen.core.attempts import parse_attempt_id, run_of_attempt, run_start
from batchgen.core.cost import CostSource, is_unknown
from batchgen.core.format import dollars
from batchgen.core.keys import key_of
from batchgen.core.request import DEFAULT_PROVIDER
from batchgen.dataset.events.log import first_run_id
from batchgen.dataset.index.charges import of_slot
from batchgen.dataset.layout import EVENTS, Layout
from batchgen.dataset.read.snapshot import latest
from batchgen.providers.base import LogEntry

# The documentation says that a charge appears "a while" after the answer; an hour is a long while.
LOG_DELAY = timedelta(hours=1)
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
    "sent_at",
    "finished_at",
    "in_doubt_ids",
    "charges",
]


@dataclass(slots=True)
class _Attempt:
    """What the index says of an attempt, and beside it what the log says.

    index_usd: what is known of its cost. sent_at: when it was sent, by our clock, if the service gave it an id, so that
    its log must have it.
    """

    index_usd: float = 0.0
    source: CostSource = CostSource.HEADER
    sent_at: datetime | None = None
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


class Books:
    """Every request that was sent to a provider, by key, and every attempt in doubt.

    clock_error: how far our clock was from the service's, at most, when attempts were sent that stand in the log.
    Raises DamagedIndex.
    """

    def __init__(self, layout: Layout, provider: str) -> None:
        self.requests: dict[int, _Request] = {}
        self._doubts: dict[str, tuple[str, int]] = {}  # client request id -> row id, key of the request
        self._logged_runs: set[str] = set()
        self._whole_runs: set[str] = set()
        self.clock_error = timedelta()
        for table in latest(layout, _COLUMNS):
            for batch in table.to_batches():
                for slot in batch.to_pylist():
                    if slot["client_request_id"] is not None and (slot["provider"] or DEFAULT_PROVIDER) == provider:
                        self._add(slot)
        self._runs = {run_of_attempt(i) for request in self.requests.values() for i in request.attempts}
        starts = [run_start(run_id or "") for run_id in (*self._runs, first_run_id(layout.file(EVENTS)))]
        self._finished_at = max((request.finished_at for request in self.requests.values()), default=datetime.now(UTC))
        self._started_at = min(filter(None, starts), default=self._finished_at)

    def span(self, margin: timedelta, now: datetime) -> tuple[datetime, datetime]:
        """Return for which time the log is to be read if clocks differ by no more than `margin`."""
        start = min(self._started_at - margin, now)
        return start, max(start, min(self._finished_at + max(margin, LOG_DELAY), now))

    def enter(self, entry: LogEntry, result: Reconciliation) -> None:
        """Take in one call of the log."""
        client_request_id = entry.client_request_id or ""
        named = parse_attempt_id(client_request_id)
        if named is None or named[0] not in self._runs:
            return
        self._logged_runs.add(named[0])
        # A call from before its run began.
        self.clock_error = max(self.clock_error, (run_start(named[0]) or entry.created) - entry.created)
        result.entries += 1
        cost = 0.0 if entry.cost_usd is None and entry.status == "failed" else entry.cost_usd
        result.bill_usd += cost or 0.0
        request = self.requests.get(named[1])
        if request is not None:
            attempt = request.attempt(client_request_id)
            attempt.is_logged = True
            if attempt.sent_at is not None:
                self.clock_error = max(self.clock_error, abs(attempt.sent_at - entry.created))
            attempt.billed_usd = _plus(attempt.billed_usd, cost)
        elif cost != 0:
            result.unindexed.append(entry)

    def close(self, result: Reconciliation, now: datetime) -> tuple[dict[int, dict[str, float]], dict[int, str]]:
        """Draw the line under both columns; return corrected costs, and what to say of slots in doubt, by key."""
        self._whole_runs = self._find_whole_runs(now)
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
        if slot["inference_id"] is not None:
            request.attempt(slot["client_request_id"]).sent_at = slot["sent_at"] or slot["finished_at"]
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
        """Whether the log would have an attempt by now."""
        is_whole = run_of_attempt(client_request_id) in self._whole_runs
        return is_whole and request.finished_at <= now - LOG_DELAY

    def _find_whole_runs(self, now: datetime) -> set[str]:
        """The runs of which the log has some attempt, and every one that the service answered."""
        gaps: set[str] = set()
        for request in self.requests.values():
            for client_request_id, attempt in request.attempts.items():
                if attempt.sent_at is not None and attempt.sent_at <= now - LOG_DELAY and not attempt.is_logged:
                    gaps.add(run_of_attempt(client_request_id))
        return self._logged_runs - gaps

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
