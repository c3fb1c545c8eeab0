"""What the simulator counted: every arrival, what became of it, and what was charged to whom.

The bill is the truth that a test compares an index with. It is written before an answer leaves, so
that work whose answer was lost is on it. It grows with each request and is kept in memory: a
simulator is for tests and demos, not for months.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Charge:
    """Money taken for images that were made."""

    at: datetime  # UTC
    arrival_number: int
    client_request_id: str | None
    inference_id: str
    usd: Decimal
    images: int
    model: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One generate request as it came in.

    outcome: "pending" while it is worked on, then "ok", "blocked" (the safety filter took all
    images), "client_gone" (it left before the answer; charged if there is a charge), "closed" (the
    simulator stopped first), the name of the fault it met, or why it was refused: bad_key,
    rate_limited, too_many_at_once, bad_request, not_found, no_credits.
    """

    number: int  # counted from 1
    at: datetime  # UTC
    at_s: float  # the same moment on the monotonic clock
    client_request_id: str | None  # None if it was missing or malformed, and thus dropped
    inference_id: str
    model: str | None = None  # as soon as the body was read
    outcome: str = PENDING


class Bill:
    """Arrivals and charges in the order in which they happened, and the balance they leave.

    Use it from the simulator's event loop alone; `arrivals` and `charges` hand out copies that any
    thread may keep.
    """

    def __init__(self, balance_usd: Decimal) -> None:
        self.balance_usd = balance_usd
        self._arrivals: list[Arrival] = []
        self._charges: dict[int, Charge] = {}

    @property
    def arrivals(self) -> Sequence[Arrival]:
        """Every generate request so far, the first first."""
        return tuple(self._arrivals)

    @property
    def charges(self) -> Sequence[Charge]:
        """Every charge so far, the first first."""
        return tuple(self._charges.values())

    @property
    def charged_usd(self) -> Decimal:
        """All charges together."""
        return sum((charge.usd for charge in self.charges), Decimal(0))

    def arrive(self, client_request_id: str | None, inference_id: str) -> Arrival:
        """Write down a request at the moment of its arrival, and give it its number."""
        arrival = Arrival(len(self._arrivals) + 1, datetime.now(UTC), time.monotonic(), client_request_id, inference_id)
        self._arrivals.append(arrival)
        return arrival

    def name_model(self, number: int, model: str) -> None:
        """Write down which model an arrival asks for."""
        self._arrivals[number - 1] = replace(self._arrivals[number - 1], model=model)

    def settle(self, number: int, outcome: str) -> None:
        """Write down what became of an arrival. The first word on it stands."""
        if self._arrivals[number - 1].outcome == PENDING:
            self._arrivals[number - 1] = replace(self._arrivals[number - 1], outcome=str(outcome))

    def charge(self, number: int, images: int, usd: Decimal) -> None:
        """Take money for images made for an arrival."""
        arrival = self._arrivals[number - 1]
        self.balance_usd -= usd
        self._charges[number] = Charge(
            datetime.now(UTC), number, arrival.client_request_id, arrival.inference_id, usd, images, arrival.model or ""
        )

    def find_charge(self, number: int) -> Charge | None:
        """The charge for an arrival, if there is one."""
        return self._charges.get(number)
