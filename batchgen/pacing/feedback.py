"""What a service's answers say of the load that it carries: how much may leave, and whether everyone waits."""

from __future__ import annotations

import random

from batchgen.pacing.adaptive import AdaptiveLimits, Load
from batchgen.pacing.cooldown import Cooldown
from batchgen.pacing.overload import Overload
from batchgen.pacing.window import SlidingWindow


class Feedback:
    """Learns from every request of an account. Times are those of the event loop.

    Attributes:
        found: the limits as far as they are known; those that are configured where nothing is learned.
        cooldown: the pause after refusals.
    """

    def __init__(self, requests: int, in_flight: int, window_s: float, rng: random.Random, *, adapts: bool) -> None:
        self.found = AdaptiveLimits(requests, in_flight)
        self.cooldown = Cooldown(rng)
        self._adapts = adapts
        self._refusals = SlidingWindow(window_s)
        self._overload = Overload()
        self._suspected: Load | None = None  # of the first of those that may be refused for too much load
        self._asked_until = 0.0  # by those
        self._bursts = 0
        self._left_since = 0  # the last burst
        self._open: list[Load] = []  # of what is in flight, in the order of leaving

    def refused(self, now: float) -> int:
        """Return how many requests of the last window were refused."""
        return self._refusals.count(now)

    def left(self, now: float, in_window: int, in_flight: int) -> Load:
        """Take in that a request leaves; return the load that the service has with it."""
        load = Load(in_window - self._refusals.count(now), in_flight, self._bursts, is_first=self._left_since == 0)
        self._left_since += 1
        self._open.append(load)
        self._overload.sent(is_probe=self.found.is_probe(load))
        if not self._overload.is_suspected:
            self._suspected = None
        return load

    def ended(self, load: Load) -> None:
        """Take in that nothing is in flight any more of a request."""
        self._open.remove(load)

    def accepted(self, load: Load) -> None:
        """Take in that the service did what a request asked for."""
        # What left beside the refused ones, or later, shows that the service does not refuse everything.
        if load.burst >= self._bursts - 1:
            self.cooldown.worked()
        if self._adapts:
            self.found.accept(load, self._overload.chance)

    def throttled(self, now: float, load: Load, retry_after_s: float | None) -> None:
        """Take in that a request, which is still open, was refused: too many, or by chance."""
        # It was not carried beside those that left after it.
        for later in self._open[self._open.index(load) + 1 :]:
            later.in_flight -= 1
            later.in_window -= 1
        self._refusals.leave(1)
        self._refusals.arrived(now, 1)
        if load.burst < self._bursts:  # it left before the last pause began, and belongs to its reasons
            self.cooldown.extend(now, retry_after_s or 0.0)
            return
        if self._suspected is None:
            self._suspected, self._asked_until = load, now
        self._asked_until = max(self._asked_until, now + (retry_after_s or 0.0))
        is_near, is_probe = self.found.is_near(load), self.found.is_probe(load)
        if self._overload.refused(is_first=load.is_first, is_near=is_near, is_probe=is_probe):
            self._bursts += 1
            self._left_since = 0
            asked_s = self._asked_until - now
            self.cooldown.after_burst(now, asked_s if asked_s > 0 else None)
            if self._adapts:
                self.found.refuse(self._suspected)
            self._suspected = None
