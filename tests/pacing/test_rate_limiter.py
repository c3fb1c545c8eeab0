"""Permits: who gets one when, and what becomes of those who wait."""

from __future__ import annotations

import asyncio
import random

import pytest

from batchgen.config.settings import RateSettings
from batchgen.pacing import Budget, BudgetReached, Cap, Closed, LimiterPermit, NeverFits, RateLimiter

FAST = RateSettings(requests_per_minute=60_000, concurrency=1)


def start(limiter: RateLimiter, images: int = 1, price_usd: float | None = None) -> asyncio.Task[LimiterPermit]:
    return asyncio.create_task(limiter.acquire(images=images, price_usd=price_usd))


def test_permits_are_given_first_come_first_served_whatever_their_size(in_virtual_time) -> None:
    async def main() -> list[int]:
        limits = RateSettings(requests_per_minute=6000, images_per_minute=4, concurrency=64)
        limiter = RateLimiter(limits, Budget())
        order: list[int] = []

        async def ask(images: int) -> None:
            permit = await limiter.acquire(images=images, price_usd=None)
            order.append(images)
            permit.done(images=images, cost_usd=None)

        async with asyncio.TaskGroup() as group:
            for images in (3, 4, 1, 2, 4, 1):
                group.create_task(ask(images))
        return order

    assert in_virtual_time(main()) == [3, 4, 1, 2, 4, 1]


def test_a_slot_is_held_until_its_permit_is_settled(in_virtual_time) -> None:
    async def main() -> None:
        limiter = RateLimiter(FAST, Budget())
        permit = await limiter.acquire(images=1, price_usd=None)
        next_one = start(limiter)
        await asyncio.sleep(100)
        assert not next_one.done()
        assert limiter.snapshot().waiting == 1
        permit.refused()
        (await next_one).refused()
        assert limiter.snapshot().in_flight == 0

    in_virtual_time(main())


def test_a_cancelled_wait_loses_nothing_and_blocks_no_one(in_virtual_time) -> None:
    async def main() -> None:
        limiter = RateLimiter(FAST, Budget())
        permit = await limiter.acquire(images=1, price_usd=None)
        waiting = [start(limiter) for _ in range(4)]
        await asyncio.sleep(1)
        waiting[0].cancel()  # the one at the head
        waiting[2].cancel()  # one behind it
        permit.refused()
        (await waiting[1]).refused()
        (await waiting[3]).refused()
        snapshot = limiter.snapshot()
        assert (snapshot.in_flight, snapshot.waiting) == (0, 0)

    in_virtual_time(main())


def test_cancelling_at_any_moment_never_leaks_a_slot(in_virtual_time) -> None:
    async def main() -> None:
        rng = random.Random(3)
        limiter = RateLimiter(RateSettings(requests_per_minute=6000, concurrency=3), Budget())

        async def work() -> None:
            permit = await limiter.acquire(images=1, price_usd=None)
            try:
                await asyncio.sleep(rng.uniform(0.0, 0.1))
            finally:
                permit.refused()

        for _ in range(200):
            tasks = [asyncio.create_task(work()) for _ in range(8)]
            await asyncio.sleep(rng.uniform(0.0, 0.1))
            for task in rng.sample(tasks, 5):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert limiter.snapshot().in_flight == 0
            assert limiter.snapshot().waiting == 0

    in_virtual_time(main())


def test_closing_tells_all_who_wait_and_lets_those_in_flight_finish(in_virtual_time) -> None:
    async def main() -> None:
        limiter = RateLimiter(FAST, Budget())
        permit = await limiter.acquire(images=1, price_usd=0.04)
        waiting = [start(limiter) for _ in range(3)]
        await asyncio.sleep(1)
        limiter.close()
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, Closed)
        with pytest.raises(Closed):
            await limiter.acquire(images=1, price_usd=None)
        permit.done(images=1, cost_usd=0.04)
        assert limiter.snapshot().spent_usd == 0.04

    in_virtual_time(main())


def test_what_an_earlier_run_sent_within_the_window_still_counts(in_virtual_time) -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        limits = RateSettings(requests_per_minute=20, images_per_minute=80)
        limiter = RateLimiter(limits, Budget(), earlier=[(float(ago_s), 4) for ago_s in range(10, 30)])
        begun = loop.time()
        left = []
        for _ in range(3):
            (await limiter.acquire(images=4, price_usd=None)).refused()
            left.append(loop.time() - begun)
        return left

    assert in_virtual_time(main()) == pytest.approx([31.5, 34.5, 37.5], abs=0.1)


def test_images_are_limited_beside_requests(in_virtual_time) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(RateSettings(requests_per_minute=600, images_per_minute=40, concurrency=64), Budget())
        begun = loop.time()
        for _ in range(21):
            (await limiter.acquire(images=4, price_usd=None)).done(images=4, cost_usd=None)
        return loop.time() - begun

    assert 119.0 < in_virtual_time(main()) < 122.0


def test_a_request_that_can_never_leave_says_what_to_change(in_virtual_time) -> None:
    async def main() -> None:
        limiter = RateLimiter(RateSettings(images_per_minute=2), Budget())
        with pytest.raises(NeverFits, match="limit is 2 images in 60 s"):
            await limiter.acquire(images=4, price_usd=None)

    in_virtual_time(main())


def test_a_permit_is_settled_exactly_once(in_virtual_time) -> None:
    async def main() -> None:
        limiter = RateLimiter(FAST, Budget())
        permit = await limiter.acquire(images=1, price_usd=None)
        permit.sent()
        permit.refused()
        permit.sent()
        with pytest.raises(RuntimeError, match="settled twice"):
            permit.in_doubt()
        await asyncio.sleep(120)
        assert limiter.snapshot().requests_per_minute == 0

    in_virtual_time(main())


def test_with_64_at_once_and_a_price_known_only_from_answers_the_bill_stays_within_the_budget(in_virtual_time) -> None:
    async def main() -> float:
        rng = random.Random(7)
        limiter = RateLimiter(RateSettings(requests_per_minute=60_000, concurrency=64), Budget(Cap(5.0)))
        bill = 0.0

        async def buy() -> None:
            nonlocal bill
            while True:
                permit = await limiter.acquire(images=2, price_usd=None)
                await asyncio.sleep(rng.uniform(0.5, 1.5))
                if rng.random() < 0.1:
                    permit.refused()
                    continue
                bill += 0.08
                if rng.random() < 0.1:
                    permit.in_doubt()
                else:
                    permit.done(images=2, cost_usd=0.08)

        for result in await asyncio.gather(*(buy() for _ in range(64)), return_exceptions=True):
            assert isinstance(result, BudgetReached)
        return bill

    bill = in_virtual_time(main())
    assert 4.92 < bill <= 5.0


def test_the_snapshot_says_where_the_pace_stands(in_virtual_time) -> None:
    async def main() -> None:
        limiter = RateLimiter(RateSettings(requests_per_minute=900, window_s=2.0, concurrency=8), Budget())
        first = await limiter.acquire(images=1, price_usd=0.04)
        await limiter.acquire(images=1, price_usd=0.04)
        first.done(images=1, cost_usd=0.03)
        snapshot = limiter.snapshot()
        assert (snapshot.in_flight, snapshot.in_flight_limit, snapshot.waiting) == (1, 8, 0)
        assert (snapshot.requests_per_minute, snapshot.limit_per_minute) == (60, 900)
        assert snapshot.configured_per_minute == 900
        assert (snapshot.spent_usd, snapshot.reserved_usd) == (0.03, 0.04)
        assert snapshot.cooldown_s == 0.0

    in_virtual_time(main())


@pytest.mark.parametrize(("took_s", "kept_s"), [(5.0, 5.0), (300.0, 20.0)])
def test_a_lost_request_keeps_its_slot_for_a_while(in_virtual_time, took_s: float, kept_s: float) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(FAST, Budget())
        permit = await limiter.acquire(images=1, price_usd=None)
        await asyncio.sleep(took_s)
        permit.in_doubt()
        lost_at = loop.time()
        (await limiter.acquire(images=1, price_usd=None)).refused()
        return loop.time() - lost_at

    assert in_virtual_time(main()) == pytest.approx(kept_s, abs=0.1)


@pytest.mark.parametrize("strict", [True, False])
def test_strict_limits_count_a_request_until_it_is_answered(in_virtual_time, strict: bool) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        limits = RateSettings(requests_per_minute=1, window_s=60.0, concurrency=4, strict=strict)
        limiter = RateLimiter(limits, Budget())
        permit = await limiter.acquire(images=1, price_usd=None)
        permit.sent()
        sent_at = loop.time()
        loop.call_later(40.0, permit.refused)
        (await limiter.acquire(images=1, price_usd=None)).refused()
        return loop.time() - sent_at

    assert in_virtual_time(main()) == pytest.approx(100.0 if strict else 60.5, abs=0.1)
