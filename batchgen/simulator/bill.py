"""The bill: every request that arrived, its outcome, and what it was charged.

Tests compare an index with the bill. A charge is recorded before the answer is sent, so that the bill
includes work whose answer was lost. The bill grows with each request and is kept in memory: a
simulator runs for tests and demos, not for months.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class BillEntry:
    """One charge: the price of the images that were made for one request."""

    at: datetime  # UTC
    arrival_number: int
    client_request_id: str | None
    inference_id: str
    usd: Decimal
    images: int
    model: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One generate request.

    outcome: "pending" while it is in progress, then one of: "ok"; "blocked" (the safety filter removed
    all images); "client_gone" (the client disconnected before the answer; there may be a charge);
    "closed" (the simulator stopped first); the name of the fault that hit it; or the reason for its
    refusal: bad_key, rate_limited, too_many_at_once, bad_request, not_found, no_credits.
    """

    number: int  # counted from 1
    at: datetime  # UTC
    at_s: float  # the same time on the monotonic clock, in seconds
    client_request_id: str | None  # None if it was missing or malformed
    inference_id: str
    model: str | None = None  # None until the body is read
    outcome: str = PENDING


class Bill:
    """Arrivals and charges in the order in which they happened, and the balance.

    Change it in the simulator's event loop only; `arrivals` and `charges` return copies that any
    thread may keep.
    """

    def __init__(self, balance_usd: Decimal) -> None:
        self.balance_usd = balance_usd
        self._arrivals: list[Arrival] = []
        self._charges: dict[int, BillEntry] = {}

    @property
    def arrivals(self) -> Sequence[Arrival]:
        """Every generate request so far, the oldest first."""
        return tuple(self._arrivals)

    @property
    def charges(self) -> Sequence[BillEntry]:
        """Every charge so far, the oldest first."""
        return tuple(self._charges.values())

    @property
    def charged_usd(self) -> Decimal:
        """The sum of all charges."""
        return sum((charge.usd for charge in self.charges), Decimal(0))

    def record_arrival(self, client_request_id: str | None, inference_id: str) -> Arrival:
        """Record a request when it arrives, and number it."""
        arrival = Arrival(len(self._arrivals) + 1, datetime.now(UTC), time.monotonic(), client_request_id, inference_id)
        self._arrivals.append(arrival)
        return arrival

    def record_model(self, number: int, model: str) -> None:
        """Record the model that an arrival asks for."""
        self._arrivals[number - 1] = replace(self._arrivals[number - 1], model=model)

    def record_outcome(self, number: int, outcome: str) -> None:
        """Record the outcome of an arrival. The first one that is recorded is kept."""
        if self._arrivals[number - 1].outcome == PENDING:
            self._arrivals[number - 1] = replace(self._arrivals[number - 1], outcome=str(outcome))

    def record_charge(self, number: int, images: int, usd: Decimal) -> None:
        """Charge an arrival for its images, and take the money from the balance."""
        arrival = self._arrivals[number - 1]
        self.balance_usd -= usd
        self._charges[number] = BillEntry(
            datetime.now(UTC), number, arrival.client_request_id, arrival.inference_id, usd, images, arrival.model or ""
        )

    def find_charge(self, number: int) -> BillEntry | None:
        """The charge for an arrival, if there is one."""
        return self._charges.get(number)
