"""An event loop whose clock stands still while this process does: stopped (Ctrl-Z, SIGSTOP), swapped out, or starved.

Deadlines are for services that are silent. A process that was stopped past its deadlines finds the answers waiting in
the kernel when it goes on: with a clock that has jumped it would throw all of them away, charged, and buy them again.
"""

from __future__ import annotations

import asyncio
from selectors import DefaultSelector, SelectorKey
from time import monotonic

# A loop that is only busy is never so late.
_JUMP_S = 1.0


class _Attentive(DefaultSelector):
    """Notices for how long nobody looked. missed_s: that in all, in seconds."""

    missed_s = 0.0
    _looked_at: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Wait for sockets, as every selector does."""
        began = monotonic()
        if self._looked_at is not None:
            self._note(began - self._looked_at)
        ready = super().select(timeout)
        self._looked_at = monotonic()
        if timeout is not None:  # else there is no deadline that could fall
            self._note(self._looked_at - began - max(timeout, 0.0))
        return ready

    def _note(self, late_s: float) -> None:
        if late_s > _JUMP_S:
            self.missed_s += late_s


class LivedTimeLoop(asyncio.SelectorEventLoop):
    """An event loop by the time that its process has lived through."""

    def __init__(self) -> None:
        self._attentive = _Attentive()
        super().__init__(self._attentive)

    def time(self) -> float:
        """Return seconds on a clock that never runs back, and stands still while the process does."""
        return monotonic() - self._attentive.missed_s
