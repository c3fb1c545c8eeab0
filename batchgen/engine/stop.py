"""Why a run stops before its manifest is done, and how everyone learns of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from batchgen.core.exit_codes import ExitCode


class StopKind(Enum):
    """What stopped a run; `exit_code` is how the command line reports it."""

    exit_code: ExitCode

    INTERRUPTED = "interrupted", ExitCode.INTERRUPTED
    TERMINATED = "terminated", ExitCode.TERMINATED
    BUDGET = "budget", ExitCode.BUDGET
    ACCOUNT = "account", ExitCode.STOPPED
    NETWORK = "network", ExitCode.STOPPED
    DISK = "disk", ExitCode.STOPPED
    LOCKED = "locked", ExitCode.STOPPED  # another process may write the dataset
    MANIFEST = "manifest", ExitCode.USAGE
    LIMITS = "limits", ExitCode.USAGE  # a request that the configured limits never let through

    def __new__(cls, word: str, exit_code: ExitCode) -> Self:
        kind = object.__new__(cls)
        kind._value_ = word
        kind.exit_code = exit_code
        return kind


@dataclass(frozen=True, slots=True)
class StopReason:
    """What stopped a run, in words for its user."""

    kind: StopKind
    message: str


class StopSignal:
    """Set once; the first reason stays. Belongs to one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.reason: StopReason | None = None

    def set(self, kind: StopKind, message: str) -> None:
        """Ask the run to stop. A later reason than the first is ignored."""
        if self.reason is None:
            self.reason = StopReason(kind, message)
            self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether the run is to stop."""
        return self.reason is not None

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the run is to stop, at most so long; return whether it is."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def unless_set(self, task: asyncio.Task[Any], timeout_s: float | None = None) -> None:
        """Wait for a task, at most so long, and no longer than until the run is to stop. The task goes on."""
        stopped = asyncio.create_task(self.wait())
        await asyncio.wait({task, stopped}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
