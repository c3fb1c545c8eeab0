"""Money: what was spent, what is in flight, and whether one more request may be paid for.

One budget holds for a run, whichever accounts it spends at: its own cap, or what earlier runs left of the dataset's.
Each account has a share that knows its prices. A request in flight counts in full, and so does one in doubt, since it
may have been charged. What a request will cost is the catalog's price, or what an image of the account has cost before
if that is more. Only an answer proves a price, so until an account's first one, with a budget, its requests go one by
one. The promise: the budget is not exceeded unless a call costs more than any price known when it left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from batchgen.core.format import dollars

# Far below any price; sums of floating-point numbers are off by less.
ROUNDING_USD = 1e-9


class NoPermit(Exception):
    """No request like this one may leave, and waiting does not help. The text is for the user."""


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that may be spent, in US dollars: in a run, or in all runs of a dataset.

    Attributes:
        max_usd: what may be spent in all.
        before_usd: what earlier runs of the dataset spent of it, or may have; None for the cap of one run.
    """

    max_usd: float
    before_usd: float | None = None

    @property
    def left_usd(self) -> float:
        """What this run may spend."""
        return max(0.0, self.max_usd - (self.before_usd or 0.0))

    @property
    def setting(self) -> str:
        """How a user changes it."""
        return "max_cost_usd (--max-cost)" if self.before_usd is None else "max_total_usd (--max-total)"

    def __str__(self) -> str:
        whose = "run" if self.before_usd is None else "dataset"
        return f"The budget of {dollars(self.max_usd)} for this {whose}"


class BudgetReached(NoPermit):
    """The next request could exceed the budget, and nothing in flight can make room for it."""

    def __init__(self, cap: Cap, spent_usd: float, next_usd: float) -> None:
        spent, remedy = dollars(spent_usd), f"raise {cap.setting} and repeat the command"
        if cap.before_usd is not None:
            spent = f"{dollars(cap.before_usd)} in earlier runs and {spent} in this one"
        elif next_usd <= cap.max_usd:
            remedy = f"repeat the command: each run has a budget of its own, {cap.setting}"
        super().__init__(
            f"{cap} is reached: {spent} may have been spent, and the next request costs about {dollars(next_usd)}. "
            f"To resume, {remedy}."
        )


class CostUnknown(NoPermit):
    """A request may have been charged at a price that nobody names, so that no budget can be kept."""

    def __init__(self, cap: Cap) -> None:
        super().__init__(
            f"{cap} cannot be kept: neither the catalog nor the service says what an image costs. "
            f"Add a price to the model's catalog file, or run without {cap.setting}."
        )


class Reservation:
    """The money set aside for one attempt, and what each of its images may cost; None: nobody knows."""

    __slots__ = ("image_usd", "images", "usd")

    def __init__(self, images: int, usd: float | None, image_usd: float | None) -> None:
        self.images = images
        self.usd = usd
        self.image_usd = image_usd


class Budget:
    """What a run may spend in all: what the tightest of its caps leaves; any amount where it has none."""

    def __init__(self, *caps: Cap) -> None:
        # All caps see the same spending, so the one that leaves least at the start is reached first.
        self.cap = min(caps, key=lambda cap: cap.left_usd, default=None)
        self._shares: list[BudgetShare] = []

    def share(self, changed: Callable[[], object]) -> BudgetShare:
        """Return the share of one more account; `changed` is called when there may be room for its requests again."""
        share = BudgetShare(self, changed)
        self._shares.append(share)
        return share

    @property
    def spent_usd(self) -> float:
        """What was charged or may have been, at all accounts."""
        return sum(share.spent_usd for share in self._shares)

    @property
    def reserved_usd(self) -> float:
        """What is in flight may cost, at all accounts."""
        return sum(share.reserved_usd for share in self._shares)

    def tell_shares(self) -> None:
        """Let all accounts know that money was booked or given back."""
        for share in self._shares:
            share.changed()


class BudgetShare:
    """What one account of a run spends of its budget, and what its images have cost."""

    def __init__(self, budget: Budget, changed: Callable[[], object]) -> None:
        self.changed = changed
        self._budget = budget
        self._charged_usd = 0.0
        self._unpriced_images = 0  # may have been charged, at a price not yet known
        # May have been charged, at a price that an answer may still correct: how many, by images and estimate. A night
        # may bring thousands, and every permit asks for their sum; they have few different prices.
        self._in_doubt: Counter[tuple[int, float]] = Counter()
        self._highest_usd: float | None = None  # the most an image has cost
        self._least_usd = 0.0  # of a call: what one cost that gave more images than it was asked for
        self._open: set[Reservation] = set()

    @property
    def spent_usd(self) -> float:
        """What was charged or may have been."""
        in_doubt_usd = sum(usd * times for (_, usd), times in self._in_doubt.items())
        return self._charged_usd + in_doubt_usd + self._unpriced_images * (self._highest_usd or 0.0)

    @property
    def reserved_usd(self) -> float:
        """What is in flight may cost."""
        return sum(reservation.usd or 0.0 for reservation in self._open)

    def has_room(self, images: int, price_usd: float | None) -> bool:
        """Whether a request may be paid for now; False: perhaps when something in flight has its outcome.

        Raises BudgetReached and CostUnknown where waiting cannot help.
        """
        cap = self._budget.cap
        if cap is None:
            return True
        if self._unpriced_images and self._highest_usd is None:
            raise CostUnknown(cap)
        limit_usd, spent_usd = cap.left_usd + ROUNDING_USD, self._budget.spent_usd
        next_usd = self._estimate(images, price_usd) or 0.0
        # Where no price is known, the next request needs at least something to be left.
        spent_up = spent_usd >= cap.left_usd and not (price_usd is not None and next_usd == 0)
        if spent_up or spent_usd + next_usd > limit_usd:
            raise BudgetReached(cap, spent_usd, next_usd)
        if self._highest_usd is None and self._open:
            return False
        return spent_usd + self._budget.reserved_usd + next_usd <= limit_usd

    def reserve(self, images: int, price_usd: float | None) -> Reservation:
        """Set aside what a request may cost."""
        image_usd = None if price_usd is None else price_usd / images
        if self._highest_usd is not None:
            image_usd = max(image_usd or 0.0, self._highest_usd)
        reservation = Reservation(images, self._estimate(images, price_usd), image_usd)
        self._open.add(reservation)
        return reservation

    def charge(self, reservation: Reservation, images: int, cost_usd: float | None) -> None:
        """Book an answer with `images` images, at its estimate where its cost is not known.

        A cost without images, as of an answer that could not be read, was for all that were asked for. A call that
        gave more than it was asked for is the least that any call may cost: the service will do so again.
        """
        asked = reservation.images
        if cost_usd is not None:
            self._close(reservation, cost_usd)
            if images or cost_usd:
                self._learn(cost_usd / (images or asked), cost_usd if images > asked else 0.0)
        else:
            # Images beyond those that were asked for are charged too; nobody says that fewer cost less.
            reservation.images = max(images, asked)
            image_usd = reservation.image_usd
            usd = None if image_usd is None else image_usd * reservation.images
            self._close(reservation, usd)
            if image_usd is not None and usd is not None:
                self._learn(image_usd, usd if images > asked else 0.0)

    def charge_in_doubt(self, reservation: Reservation) -> None:
        """Book an attempt that may have been charged, in full."""
        if reservation.usd is None:
            self._close(reservation, None)
        else:
            self._open.remove(reservation)
            self._in_doubt[reservation.images, reservation.usd] += 1
            self._budget.tell_shares()

    def release(self, reservation: Reservation) -> None:
        """Give back what an attempt that was not charged had set aside."""
        self._close(reservation, 0.0)

    def _estimate(self, images: int, price_usd: float | None) -> float | None:
        if self._highest_usd is None:
            return price_usd
        return max(price_usd or 0.0, self._of_call(self._highest_usd, images))

    def _of_call(self, image_usd: float, images: int) -> float:
        return max(image_usd * images, self._least_usd)

    def _close(self, reservation: Reservation, usd: float | None) -> None:
        self._open.remove(reservation)
        if usd is None:
            self._unpriced_images += reservation.images
        else:
            self._charged_usd += usd
        self._budget.tell_shares()

    def _learn(self, image_usd: float, call_usd: float) -> None:
        if self._highest_usd is not None and image_usd <= self._highest_usd and call_usd <= self._least_usd:
            return
        self._highest_usd = highest_usd = max(image_usd, self._highest_usd or 0.0)
        self._least_usd = max(call_usd, self._least_usd)
        for reservation in self._open:
            reservation.image_usd = max(reservation.image_usd or 0.0, highest_usd)
            reservation.usd = max(reservation.usd or 0.0, self._of_call(highest_usd, reservation.images))
        before, self._in_doubt = self._in_doubt, Counter()
        for (images, usd), times in before.items():
            self._in_doubt[images, max(usd, self._of_call(highest_usd, images))] += times
