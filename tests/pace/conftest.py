"""A loop whose time jumps to the next timer, and a service with limits that nobody is told about."""

from __future__ import annotations

import asyncio
import math
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from batchgen.config.settings import LimitSettings
from batchgen.pace import Governor


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Minutes pass in milliseconds, and the same way each time; waiting for nothing is an error."""

    def __init__(self) -> None:
        self._now = 1000.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float | None) -> None:
        if seconds is None:
            raise RuntimeError("everything waits, and no timer will ever end it")
        self._now += seconds


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0:
            self._loop.jump(timeout)
        return ready


class HiddenLimits:
    """A service that refuses what exceeds its sliding window, or its number at once, and counts what arrives."""

    def __init__(
        self,
        *,
        in_window: float = math.inf,
        at_once: float = math.inf,
        window_s: float = 60.0,
        says_when: bool = True,
        seed: int = 1,
    ) -> None:
        self.in_window = in_window
        self.at_once = at_once
        self.window_s = window_s
        self.says_when = says_when
        self.down = False
        self.arrivals: list[float] = []
        self.taken: list[float] = []
        self.refused: list[float] = []
        self._window: deque[float] = deque()
        self._working = 0
        self._rng = random.Random(seed)

    async def serve_one(self, governor: Governor, *, images: int = 1, reports_sent: bool = True) -> None:
        """One request on its way: connect, send, arrive, draw, answer."""
        permit = await governor.permit(images=images, price_usd=None)
        # Most connections are open already; the others need a handshake.
        await asyncio.sleep(self._rng.choice([0.0, 0.0, 0.0, self._rng.uniform(0.05, 1.0)]))
        if reports_sent:
            permit.sent()
        await asyncio.sleep(self._rng.uniform(0.01, 0.3))
        retry_after_s = self._refuses()
        if retry_after_s is not None:
            await asyncio.sleep(self._rng.uniform(0.01, 0.3))
            permit.throttled(retry_after_s if self.says_when else None)
            return
        self._working += 1
        await asyncio.sleep(self._rng.uniform(0.5, 1.5))
        self._working -= 1
        permit.done(images=images, cost_usd=None)

    async def work(self, governor: Governor, *, seconds: float, workers: int = 64, reports_sent: bool = True) -> None:
        """Keep `workers` busy for so long."""

        async def worker() -> None:
            while True:
                await self.serve_one(governor, reports_sent=reports_sent)

        tasks = [asyncio.create_task(worker()) for _ in range(workers)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError), result

    def _refuses(self) -> float | None:
        now = asyncio.get_running_loop().time()
        self.arrivals.append(now)
        while self._window and self._window[0] < now - self.window_s:
            self._window.popleft()
        if len(self._window) < self.in_window and self._working < self.at_once and not self.down:
            self._window.append(now)
            self.taken.append(now)
            return None
        self.refused.append(now)
        full = len(self._window) >= self.in_window
        return float(math.ceil(self._window[-int(self.in_window)] + self.window_s - now)) if full else 1.0


def most_in_any(window_s: float, times: list[float]) -> int:
    """The most of `times` that lie within one closed window."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] < at - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.fixture
def in_virtual_time() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end in a loop of its own, in no time."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(main)

    return run
