"""Finds limits of a service that nobody was told about, from what it accepts and what it refuses.

What a service accepted until it refused is its limit: a sliding window that refuses the 361st request has
taken 360, and a service that refuses the fifth at once has four in hand. So a refusal sets
the limit to what was carried, little less, and never below half in one step. From there the limit grows
with what is accepted at it: hardly at first, then ever faster, by the cubic law of TCP (RFC 9438). A limit that
stands is so touched rarely, and one that has risen is found within a few windows. The price: some
requests in a thousand are refused for as long as the service allows less than the settings.

Nothing here knows of time; a window is known by the load that it carried.
"""

from __future__ import annotations

from dataclasses import dataclass

# Stay just below what was refused: a request in flight may have been counted as accepted too early.
HEADROOM = 0.99
# One refusal may be an accident or another client's fault; a limit that really fell is found by more of them.
LARGEST_CUT = 0.5
# With the cubic law: 1 % above the headroom after one window, 8 % after two, and twice the limit
# before the fifth.
GROWTH = 0.01
# Of a small limit, one request too many is a large part: not more than one probe for so many requests.
PROBE_EVERY_REQUESTS = 100
# Only a limit that is in use may grow; a few slots are always between two requests.
SATURATED = 0.9
# Less than this part of what the window has carried before, and it was not the window that was full.
FAR_BELOW = 0.9


@dataclass(frozen=True, slots=True)
class Load:
    """What the service had to carry when an attempt left, with that attempt in it."""

    in_window: int  # accepted or on the way, in the last window
    in_flight: int
    burst: int  # how many bursts of refusals came before it


class AdaptiveLimit:
    """One quantity of which a service carries only so much: requests a window, or requests at once."""

    def __init__(self, ceiling: int) -> None:
        self.value = ceiling
        self.carried = 0  # the most that was accepted since the last cut
        self._ceiling = ceiling
        self._base = float(ceiling)
        self._stride = float(ceiling)
        self._clean = 0  # accepted at the limit since the last cut

    def accept(self, load: int) -> None:
        """Learn that `load` was carried."""
        self.carried = max(self.carried, load)
        if self.value < self._ceiling and load >= SATURATED * self.value:
            self._clean += 1
            self._update()

    def cut(self, load: int) -> None:
        """Learn that `load` was one too many."""
        carried = load - 1
        lowest = self.value * LARGEST_CUT
        self._base = max(carried, lowest, 1.0)
        # A cut that was stopped half-way measured nothing: its limit is tried again soon.
        self._stride = max(self._base, PROBE_EVERY_REQUESTS) if carried >= lowest else self._base
        self._clean = 0
        self.carried = carried
        self._update()

    def _update(self) -> None:
        strides = self._clean / self._stride
        grown = round(self._base * (HEADROOM + GROWTH * strides**3))
        self.value = max(1, min(self._ceiling, grown))


class AdaptiveLimits:
    """The two hidden limits of a service, and which of them a refusal speaks of.

    A refusal speaks of a limit only if something was accepted that left in the same time, between the
    last burst of refusals and it. Otherwise the service refuses everything, and only waiting helps.
    """

    def __init__(self, requests: int, in_flight: int) -> None:
        self.requests = AdaptiveLimit(requests)
        self.in_flight = AdaptiveLimit(in_flight)
        self._burst = 0
        self._accepted = False  # anything that left since the last burst
        self._unconfirmed: Load | None = None  # refused, and nothing that left in the same time accepted yet

    def accept(self, load: Load) -> None:
        """Learn that the service took an attempt that left under `load`."""
        refused = self._unconfirmed
        if refused is not None and load.burst >= refused.burst:
            self._unconfirmed = None
            if load.burst == refused.burst:
                self._cut(refused)
        if load.burst == self._burst:
            self._accepted = True
            self.requests.accept(load.in_window)
            self.in_flight.accept(load.in_flight)

    def refuse(self, load: Load) -> None:
        """Learn from the first refusal of a burst; the others of it say nothing new."""
        if self._accepted:
            self._cut(load)
        elif self._unconfirmed is None:
            self._unconfirmed = load
        self._accepted = False
        self._burst = load.burst + 1

    def _cut(self, load: Load) -> None:
        if self._was_too_many_at_once(load):
            self.in_flight.cut(load.in_flight)
            # If that was not the reason, the next refusal comes at the same window, and is then one of the window.
            self.requests.carried = min(self.requests.carried, load.in_window - 1)
        else:
            self.requests.cut(load.in_window)

    def _was_too_many_at_once(self, load: Load) -> bool:
        if load.in_flight == 1:
            return False
        never_so_many = load.in_flight > self.in_flight.carried
        return never_so_many or load.in_window < FAR_BELOW * self.requests.carried
