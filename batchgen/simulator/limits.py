"""A sliding window as a service keeps it: every moment of acceptance is remembered until it leaves the window.

Exact, where counters per fixed minute let twice the limit through at the turn of a minute. The
price is one number of memory for each request in the window.
"""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """Accepts at most so many events in any span of the window's length, whenever that span begins."""

    def __init__(self) -> None:
        self._accepted_s: deque[float] = deque()

    def admit(self, now_s: float, limit: int, window_s: float) -> float:
        """Accept an event at a moment that is no earlier than the last one.

        Returns 0 if it was accepted, else the seconds until one would be. The limit may differ from
        call to call: what was accepted stands.
        """
        accepted = self._accepted_s
        while accepted and now_s - accepted[0] >= window_s:
            accepted.popleft()
        if len(accepted) < limit:
            accepted.append(now_s)
            return 0.0
        # A limit that was lowered to n lets one in when the n-th latest leaves; a limit of 0, never.
        return accepted[-limit] + window_s - now_s if limit else window_s
