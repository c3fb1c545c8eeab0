"""Says of a provider that nothing is sent, or taken, for so long that its user would wonder why.

A service may ask to wait for hours, or refuse every request without a word of how long: at the end of a day's quota, as
a rule. The run waits, since its limit passes by itself, and says so in the words of the service, once an hour; but no
longer than its user allows.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from batchgen.core.errors import ProviderError
from batchgen.core.format import duration

# A user who looks at a run that stands still for longer wants to know why.
_LONG_S: Final = 120.0
# A night's log stays short.
_SAID_EVERY_S: Final = 3600.0


class LongWaits:
    """What is known of one provider's refusals for its pace.

    Args:
        name: The provider's.
        allowed_s: The longest wait, from the first refusal to when the service may take something again.
        tell: Called in words.
        give_up: Called in words, once a wait is longer than allowed.
        clock: The time in seconds.
    """

    def __init__(
        self,
        name: str,
        allowed_s: float,
        tell: Callable[[str], object],
        give_up: Callable[[str], object],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name = name
        self._allowed_s = allowed_s
        self._tell = tell
        self._give_up = give_up
        self._clock = clock
        self._refused_since: float | None = None
        self._told_until = 0.0

    def answered(self) -> None:
        """Note that the service did something else than to refuse a request for its pace."""
        self._refused_since = None

    def refused(self, error: ProviderError) -> None:
        """Note that it did; say so if the wait is long."""
        now, wait_s = self._clock(), error.retry_after_s or 0.0
        self._refused_since = now if self._refused_since is None else self._refused_since
        refused_s, said = now - self._refused_since, error.message.rstrip(".")
        if refused_s + wait_s > self._allowed_s:
            waits = f"asks to wait {duration(wait_s)}" if wait_s else "names no time"
            refused = f" after {duration(refused_s)} of refusals" if refused_s >= 1 else ""
            allowed = f"retry.quota_wait_s allows {duration(self._allowed_s)}"
            self._give_up(f"{self._name} {waits}{refused}, and {allowed}: {said}.")
            return
        if now < self._told_until:
            return
        if wait_s >= _LONG_S:
            self._told_until = now + wait_s
            what = f"{self._name} asks to wait {duration(wait_s)}, and the run does"
        elif refused_s >= _LONG_S:
            self._told_until = now + _SAID_EVERY_S
            what = f"{self._name} has refused every request for {duration(refused_s)}, and the run waits for it"
        else:
            return
        self._tell(f"{what}: {said}. Ctrl-C ends it; the same command goes on.")
