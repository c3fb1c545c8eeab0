"""How long everyone waits after the service said "too many requests"."""

from __future__ import annotations

import math
import random

# Where the service names no time: a second is a long time for a rate of many a second, and little
# is lost if that was too short, since each further wait doubles.
FIRST_PAUSE_S = 1.0
# Longer waits find nothing that a minute does not: limits are counted by the minute.
LONGEST_PAUSE_S = 60.0
# A Retry-After beyond this is an error or a daily quota: asking once an hour costs nothing.
LONGEST_RETRY_AFTER_S = 3600.0


class Cooldown:
    """The moment until which nothing may leave, as the service asks for it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.until = 0.0  # in the past if there is no cooldown
        self._bursts_in_a_row = 0

    def after_burst(self, now: float, retry_after_s: float | None) -> None:
        """Begin to wait: as long as the service asks, and longer if nothing has worked since the last wait."""
        self._bursts_in_a_row += 1
        if retry_after_s is None or self._bursts_in_a_row > 1:
            wait_s = max(retry_after_s or 0.0, self._backoff_s())
        else:
            wait_s = retry_after_s
        self.extend(now, wait_s)

    def extend(self, now: float, retry_after_s: float) -> None:
        """Wait as long as a later answer of the same burst asks."""
        self.until = max(self.until, now + min(retry_after_s, LONGEST_RETRY_AFTER_S))

    def worked(self) -> None:
        """Learn that the service takes requests."""
        self._bursts_in_a_row = 0

    def _backoff_s(self) -> float:
        longest_s = min(math.ldexp(FIRST_PAUSE_S, self._bursts_in_a_row - 1), LONGEST_PAUSE_S)
        # Half of it is left to chance, so that other clients of the account do not march in step.
        return longest_s * self._rng.uniform(0.5, 1.0)
