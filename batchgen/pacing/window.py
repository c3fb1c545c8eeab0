"""An exact count of what a service can have seen arrive in its last window.

A request arrives at some moment between leaving here and being answered. So it counts from the moment
it leaves, and until a whole window after the moment by which it must have arrived; then no clock
of the service can find more in any window than was allowed here. The price is that the true window is
longer than the service's by the time for which arrivals are uncertain.
"""

from __future__ import annotations

import math
from collections import deque

# A service may count both ends of its window, round to milliseconds, and have a clock that is
# slow by 100 parts in a million (6 ms a minute).
EDGE_S = 0.01


class SlidingWindow:
    """What is on its way, and what arrived in the last `window_s` seconds, by amount."""

    def __init__(self, window_s: float) -> None:
        self._kept_s = window_s + EDGE_S
        self._on_the_way = 0
        self._arrived: deque[tuple[float, int]] = deque()
        self._arrived_amount = 0

    def leave(self, amount: int) -> None:
        """Count `amount` from now on."""
        self._on_the_way += amount

    def arrived(self, now: float, amount: int) -> None:
        """Count `amount`, which left earlier, for one more window: it has surely arrived by `now`."""
        self._on_the_way -= amount
        self._arrived_amount += amount
        self._arrived.append((now, amount))

    def count(self, now: float) -> int:
        """The most that the service can find in its window when something arrives now."""
        while self._arrived and self._arrived[0][0] + self._kept_s <= now:
            self._arrived_amount -= self._arrived.popleft()[1]
        return self._on_the_way + self._arrived_amount

    def free_at(self, now: float, amount: int, limit: int) -> float:
        """When `amount` more stays within `limit`; infinite while that hangs on something still on its way."""
        excess = self.count(now) + amount - limit
        if excess <= 0:
            return now
        for at, arrived_amount in self._arrived:
            excess -= arrived_amount
            if excess <= 0:
                return at + self._kept_s
        return math.inf
