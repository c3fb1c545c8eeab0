"""Finds limits of a service that nobody was told about, from what it accepts and what it refuses.

What a service accepted until it refused is its limit: a sliding window that refuses the 361st request has
taken 360, and a service that refuses the fifth at once has four in hand. So a refusal that is not by chance
(`overload` tells) sets the limit to what was carried, little less. From there the limit grows
with what is accepted at it: hardly at first, then ever faster, by the cubic law of TCP (RFC 9438). A limit that
stands is so touched rarely, and one that has risen is found within a few windows. The price: some
requests in a thousand are refused for as long as the service allows less than the settings.

Which of the two limits a refusal speaks of: the one of which it had more, compared with what was accepted last.

Nothing here knows of time; a window is known by the load that it carried.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

# Stay just below what was refused: a request in flight may have been counted as accepted too early.
HEADROOM = 0.99
# The window may be refused for another client's fault; a limit that really fell is found by more cuts. A number
# at once is measured in a second, and cut to what was carried.
LARGEST_CUT_OF_WINDOW = 0.5
LARGEST_CUT_AT_ONCE = 0.0
# With the cubic law: 1 % above the headroom after one window, 8 % after two, and twice the limit
# before the fifth.
GROWTH = 0.01
# Of a small limit, one request too many is a large part: not more than one probe for so many requests.
PROBE_EVERY_REQUESTS = 150
# Where a share is refused by chance, more probes add little to it, and slow ones are disturbed by chance: 2 % make
# the growth three times as fast.
HASTE = 100.0
HASTY = 2.5
# The number that a service counts may be off by so much from what left here: requests overtake each other.
NEAR = 0.95
# Only a limit that is in use may grow; a few slots are always between two requests.
SATURATED = 0.9
# So many of what was accepted last tell what load is usual.
REMEMBERED = 200


@dataclass(slots=True, eq=False)
class Load:
    """What the service had to carry when an attempt left, with that attempt in it; less once some of it is refused."""

    in_window: int  # accepted or on the way, in the last window
    in_flight: int
    burst: int  # how many bursts of refusals came before it
    is_first: bool  # of those that left after that burst


class AdaptiveLimit:
    """One quantity of which a service carries only so much: requests a window, or requests at once."""

    def __init__(self, ceiling: int, largest_cut: float) -> None:
        self.value = ceiling
        self._ceiling = ceiling
        self._largest_cut = largest_cut
        self._base = float(ceiling)
        self._stride = float(ceiling)
        self._is_guess = False  # a cut that was stopped half-way measured nothing
        self._clean = 0.0  # accepted at the limit since the last cut

    def is_probe(self, load: int) -> bool:
        """Whether `load` is more than is known to be carried."""
        return load > self._base

    def is_near(self, load: int) -> bool:
        """Whether about so much was too much before."""
        return self._base < self._ceiling and load >= NEAR * self._base

    def accept(self, load: int, haste: float) -> None:
        """Learn that `load` was carried; it counts `haste` times."""
        # A guess is tried again soon, and so is what chance may have cut: the spacing holds it before a window is full.
        if self.value < self._ceiling and (self._is_guess or haste >= HASTY or load >= SATURATED * self.value):
            self._clean += haste
            self._update()

    def cut(self, load: int) -> None:
        """Learn that `load` was one too many."""
        carried = load - 1
        lowest = self.value * self._largest_cut
        self._base = max(carried, lowest, 1.0)
        self._is_guess = carried < lowest
        self._stride = self._base if self._is_guess else max(self._base, PROBE_EVERY_REQUESTS)
        self._clean = 0.0
        self._update()

    def _update(self) -> None:
        strides = self._clean / self._stride
        grown = round(self._base * (HEADROOM + GROWTH * strides**3))
        self.value = max(1, min(self._ceiling, grown))
        if self._clean and self.value == self._ceiling:
            self._base = float(self._ceiling)  # nothing is known of a limit any more


class AdaptiveLimits:
    """The two hidden limits of a service, and which of them a refusal speaks of.

    A refusal speaks of a limit only if something was accepted that left in the same time, between the
    last burst of refusals and it. Otherwise the service refuses everything, and only waiting helps.
    """

    def __init__(self, requests: int, in_flight: int) -> None:
        self.requests = AdaptiveLimit(requests, LARGEST_CUT_OF_WINDOW)
        self.in_flight = AdaptiveLimit(in_flight, LARGEST_CUT_AT_ONCE)
        self._carried: deque[Load] = deque(maxlen=REMEMBERED)  # the last that were accepted
        self._burst = 0
        self._accepted = False  # anything that left since the last burst
        self._unconfirmed: Load | None = None  # refused, and nothing that left in the same time accepted yet

    def is_probe(self, load: Load) -> bool:
        """Whether the service is not known to carry so much."""
        return self.requests.is_probe(load.in_window) or self.in_flight.is_probe(load.in_flight)

    def is_near(self, load: Load) -> bool:
        """Whether the service is known to carry hardly more."""
        return self.requests.is_near(load.in_window) or self.in_flight.is_near(load.in_flight)

    def accept(self, load: Load, chance: float) -> None:
        """Learn that the service took an attempt that left under `load`. chance: the share refused by chance."""
        refused = self._unconfirmed
        if refused is not None and load.burst >= refused.burst:
            self._unconfirmed = None
            if load.burst == refused.burst:
                self._cut(refused)
        if load.burst == self._burst:
            self._accepted = True
            self._carried.append(load)
            haste = 1 + HASTE * chance
            self.requests.accept(load.in_window, haste)
            self.in_flight.accept(load.in_flight, haste)

    def refuse(self, load: Load) -> None:
        """Learn from the first refusal of a burst; the others of it say nothing new."""
        if self._accepted:
            self._cut(load)
        elif self._unconfirmed is None:
            self._unconfirmed = load
        self._accepted = False
        self._burst = load.burst + 1

    def _cut(self, load: Load) -> None:
        at_once = [carried.in_flight for carried in self._carried]
        in_window = [carried.in_window for carried in self._carried]
        if load.in_flight > 1 and _rank(load.in_flight, at_once) >= _rank(load.in_window, in_window):
            # What is carried all the time is no limit.
            usual = median_low(at_once) if at_once else 0
            self.in_flight.cut(max(load.in_flight, usual + 1))
        else:
            self.requests.cut(load.in_window)


def _rank(value: int, others: Sequence[int]) -> float:
    """How many of the others are less, where an equal one counts half."""
    return sum((other < value) + 0.5 * (other == value) for other in others)
