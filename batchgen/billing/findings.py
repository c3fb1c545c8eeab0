"""What a reconciliation finds: index against bill, and what became of each attempt in doubt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from batchgen.providers.base import LogEntry


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
