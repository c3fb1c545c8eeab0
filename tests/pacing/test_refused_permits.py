"""What the limiter does when the service says "too many": how long who waits, and how it goes on afterwards."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from batchgen.config.settings import RateSettings
from batchgen.pacing import Budget, RateLimiter

FAST = RateSettings(requests_per_minute=60_000, concurrency=1)


def test_a_cooldown_holds_everyone(in_virtual_time) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(FAST, Budget())
        (await limiter.acquire(images=1, price_usd=None)).throttled(30.0)
        assert limiter.snapshot().cooldown_s == 30.0
        begun = loop.time()
        (await limiter.acquire(images=1, price_usd=None)).refused()
        assert loop.time() - begun == pytest.approx(30.0)

    in_virtual_time(main())


def test_a_cooldown_that_begins_while_someone_waits_holds_that_one_too(in_virtual_time) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(RateSettings(requests_per_minute=6), Budget())
        begun = loop.time()
        first = await limiter.acquire(images=1, price_usd=None)
        waiting = asyncio.create_task(limiter.acquire(images=1, price_usd=None))
        await asyncio.sleep(1)
        first.throttled(45.0)
        (await waiting).refused()
        assert loop.time() - begun >= 46.0

    in_virtual_time(main())


def test_retry_after_is_honoured_and_one_that_is_absurd_is_cut_to_an_hour(in_virtual_time) -> None:
    async def main() -> None:
        limiter = RateLimiter(FAST, Budget())
        (await limiter.acquire(images=1, price_usd=None)).throttled(1e12)
        assert limiter.snapshot().cooldown_s == pytest.approx(3600.0)

    in_virtual_time(main())


def test_refusals_in_a_row_are_waited_for_longer_and_longer(in_virtual_time) -> None:
    async def main() -> list[float]:
        limiter = RateLimiter(FAST, Budget())
        pauses: list[float] = []
        for _ in range(12):
            (await limiter.acquire(images=1, price_usd=None)).throttled(0.0 if pauses else None)
            pauses.append(limiter.snapshot().cooldown_s)
        return pauses

    pauses = in_virtual_time(main())
    assert all(0.5 * 2**n <= pause <= 2**n for n, pause in enumerate(pauses[:6]))
    assert all(30.0 <= pause <= 60.0 for pause in pauses[6:])


@pytest.mark.parametrize("held_s", [0.0, 120.0])
def test_after_a_start_and_after_a_cooldown_requests_leave_spaced(in_virtual_time, held_s) -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(RateSettings(requests_per_minute=600, concurrency=64), Budget())
        if held_s:
            (await limiter.acquire(images=1, price_usd=None)).throttled(held_s)
        left: list[float] = []

        async def ask() -> None:
            await limiter.acquire(images=1, price_usd=None)
            left.append(loop.time())

        async with asyncio.TaskGroup() as group:
            for _ in range(64):
                group.create_task(ask())
        return left

    left = in_virtual_time(main())
    assert min(later - earlier for earlier, later in itertools.pairwise(left)) >= 0.075
    assert left[-1] - left[0] <= 6.4
