"""A rate: never more than so many in any window, and evenly spread instead of in bursts.

The spacing alone would lose time at each late timer, and the window alone would spend a minute's
allowance in its first second. Together they are exact and smooth.
"""

from __future__ import annotations

from batchgen.config.settings import in_window
from batchgen.pacing.window import SlidingWindow

# A timer of a busy event loop fires this late; what was lost is made up for, so that the rate
# does not sink with the load of the machine. More would be a burst.
LATE_TIMER_S = 0.02


class Rate:
    """`limit` in any `window_s`, spaced. The window is stretched where the rate allows not even one in it."""

    def __init__(self, per_minute: float, window_s: float) -> None:
        self.limit = in_window(per_minute, window_s)
        self.window_s = max(window_s, 60 / per_minute)
        self._window = SlidingWindow(self.window_s)
        self._next_at = 0.0

    def free_at(self, now: float, amount: int, limit: int) -> float:
        """When `amount` may leave with `limit` (at most the own one) a window; infinite: when something arrived."""
        return max(self._next_at, self._window.free_at(now, amount, limit))

    def leave(self, now: float, amount: int, limit: int) -> None:
        """Let `amount` go, and space the next behind it."""
        self._next_at = max(self._next_at, now - LATE_TIMER_S) + amount * self.window_s / limit
        self._window.leave(amount)

    def remember(self, arrived_at: float, amount: int) -> None:
        """Count `amount` that an earlier run sent. Call in the order of time, before anything leaves."""
        self._window.leave(amount)
        self._window.arrived(arrived_at, amount)

    def join(self, amount: int) -> None:
        """Count `amount` that another process lets go."""
        self._window.leave(amount)

    def arrived(self, now: float, amount: int) -> None:
        """Say that `amount`, which left earlier, has surely arrived by now."""
        self._window.arrived(now, amount)

    def count(self, now: float) -> int:
        """What counts in the window at this moment."""
        return self._window.count(now)
