"""A service with limits of its own for the pace to find, in the time of a loop: jitter on every way."""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable

from batchgen.config.settings import RateSettings
from batchgen.pacing import Budget, LimiterSnapshot, RateLimiter


class HiddenLimits:
    """A service that refuses what exceeds its sliding window, or its number at once, and counts what arrives.

    by_chance: the share that it refuses whatever it gets, and then asks to wait for `asks_s`.
    """

    def __init__(
        self,
        *,
        in_window: float = math.inf,
        at_once: float = math.inf,
        window_s: float = 60.0,
        says_when: bool = True,
        handshake_s: float = 1.0,
        way_s: tuple[float, float] = (0.01, 0.3),
        seed: int = 1,
        by_chance: float = 0.0,
        asks_s: float | None = None,
    ) -> None:
        self.by_chance = by_chance
        self.asks_s = asks_s
        self.in_window = in_window
        self.at_once = at_once
        self.window_s = window_s
        self.says_when = says_when
        self.handshake_s = handshake_s
        self.way_s = way_s
        self.down = False
        self.arrivals: list[float] = []
        self.taken: list[float] = []
        self.refused: list[float] = []
        self._window: deque[float] = deque()
        self._working = 0
        self._rng = random.Random(seed)

    async def serve_one(self, limiter: RateLimiter, *, images: int = 1, reports_sent: bool = True) -> None:
        """One request on its way: connect, send, arrive, draw, answer."""
        permit = await limiter.acquire(images=images, price_usd=None)
        # Most connections are open already; the others need a handshake.
        await asyncio.sleep(self._rng.choice([0.0, 0.0, 0.0, self._rng.uniform(0.0, self.handshake_s)]))
        if reports_sent:
            permit.sent()
        await asyncio.sleep(self._rng.uniform(*self.way_s))
        retry_after_s = self._refuses()
        if retry_after_s is not None:
            await asyncio.sleep(self._rng.uniform(*self.way_s))
            permit.throttled((retry_after_s or None) if self.says_when else None)
            return
        self._working += 1
        await asyncio.sleep(self._rng.uniform(0.5, 1.5))
        self._working -= 1
        permit.done(images=images, cost_usd=None)

    async def work(self, limiter: RateLimiter, *, seconds: float, workers: int = 64, reports_sent: bool = True) -> None:
        """Keep `workers` busy for so long."""

        async def worker() -> None:
            while True:
                await self.serve_one(limiter, reports_sent=reports_sent)

        tasks = [asyncio.create_task(worker()) for _ in range(workers)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError), result

    def _refuses(self) -> float | None:
        now = asyncio.get_running_loop().time()
        self.arrivals.append(now)
        if self._rng.random() < self.by_chance:
            self.refused.append(now)
            return self.asks_s or 0.0
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


class Watched:
    """What a run against a service came to, in seconds since its start."""

    def __init__(self, service: HiddenLimits, start: float, end: LimiterSnapshot) -> None:
        self.service = service
        self.start = start
        self.end = end

    def taken(self, from_s: float, to_s: float) -> int:
        return sum(from_s <= at - self.start < to_s for at in self.service.taken)

    def refused(self, from_s: float, to_s: float) -> int:
        return sum(from_s <= at - self.start < to_s for at in self.service.refused)

    def refused_share(self, from_s: float, to_s: float) -> float:
        refused = self.refused(from_s, to_s)
        return refused / (refused + self.taken(from_s, to_s))


async def watch(
    service: HiddenLimits,
    limits: RateSettings,
    *,
    seconds: float,
    then: dict[float, Callable[[], None]] | None = None,
    reports_sent: bool = True,
) -> Watched:
    """Run at full steam for so long; `then` happens at its seconds."""
    loop = asyncio.get_running_loop()
    limiter = RateLimiter(limits, Budget(), rng=random.Random(5))
    for at_s, happens in (then or {}).items():
        loop.call_later(at_s, happens)
    start = loop.time()
    await service.work(limiter, seconds=seconds, workers=limits.concurrency + 4, reports_sent=reports_sent)
    return Watched(service, start, limiter.snapshot())
