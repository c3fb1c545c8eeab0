"""When the next request may leave: every attempt, retries included, takes a permit here first.

Promised to the run: no rate is exceeded in any window, as the service counts arrivals; no more than so
many are in flight; the budget holds; permits are given first come, first served; and after a start or a
pause requests leave spaced, not at once. One waiter at a time looks for its turn, and those behind it queue, so
that a large request is never overtaken by small ones. The price is that a request that waits for room holds up
all behind it. Belongs to one event loop, whose time it goes by.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterable

from batchgen.config.settings import RateSettings
from batchgen.pacing.account_use import LINGER_S, AccountUse, Alone
from batchgen.pacing.adaptive import Load
from batchgen.pacing.budget import Budget, NoPermit, Reservation
from batchgen.pacing.feedback import Feedback
from batchgen.pacing.rate import Rate
from batchgen.pacing.snapshot import LimiterSnapshot

# A request that was written to its connection has arrived after this: half a trip around the world and
# one repeated packet. Of a window of a minute it costs 0.8 %.
TRANSIT_S = 0.5
# So often it is looked whether another process makes room.
OTHERS_S = 0.05
# An event loop fires its timers up to a tick of its clock too early.
TIMER_TICK_S = 1e-6


class Closed(NoPermit):
    """No permits are given any more: the run is stopping."""

    def __init__(self) -> None:
        super().__init__("The run is stopping: no further requests are sent.")


class NeverFits(NoPermit):
    """A request asks for more images than may leave in a whole window."""

    def __init__(self, images: int, limit: int, window_s: float) -> None:
        super().__init__(
            f"A request for {images} images can never leave: the limit is {limit} images in {window_s:g} s. "
            f"Ask for at most {limit} images a call (num_images), or raise images_per_minute."
        )


class LimiterPermit:
    """The right to send one request, once.

    Call `sent` when the request has been written to its connection, and later exactly one of `done`,
    `refused`, `throttled` and `in_doubt`, each of which gives the slot back. Without `sent` a request counts
    in its window from its answer on, which is as safe, but wastes the time that the service took to answer.
    """

    __slots__ = (
        "_arrived",
        "_images",
        "_left_at",
        "_limiter",
        "_load",
        "_number",
        "_reservation",
        "_settled",
        "_transit",
    )

    def __init__(self, limiter: RateLimiter, images: int, reservation: Reservation, load: Load, number: int) -> None:
        self._limiter = limiter
        self._images = images
        self._reservation = reservation
        self._load = load
        self._number = number  # within the account
        self._left_at = limiter._loop.time()
        self._transit: asyncio.TimerHandle | None = None
        self._arrived = False
        self._settled = False

    def sent(self) -> None:
        """Say that the request has been written to its connection. Only the first call counts.

        Where limits are strict it counts in its window from its answer on: an uplink may hang, and deliver at once.
        """
        if self._transit is None and not self._settled and not self._limiter._is_strict:
            self._transit = self._limiter._loop.call_later(TRANSIT_S, self._arrive)

    def done(self, *, images: int, cost_usd: float | None) -> None:
        """Settle: the service answered with `images` images, and charged `cost_usd` for them.

        cost_usd: 0 where nothing was charged; None only where something may have been, and nobody says what.
        """
        self._settle()
        self._limiter._share.charge(self._reservation, images, cost_usd)
        self._limiter._feedback.accepted(self._load)

    def refused(self) -> None:
        """Settle: nothing was charged, since the answer was an error (but no 429) or nothing was sent."""
        self._settle()
        self._limiter._share.release(self._reservation)

    def throttled(self, retry_after_s: float | None) -> None:
        """Settle: the answer was 429. Where that is not by chance, everyone waits.

        retry_after_s: as long as the service asks; None for what is reasonable.
        """
        self._limiter._feedback.throttled(self._limiter._loop.time(), self._load, retry_after_s)
        self._settle()
        self._limiter._share.release(self._reservation)

    def in_doubt(self) -> None:
        """Settle: sent, and the answer will never be seen. Counts as charged in full.

        The service may work on: it counts as in flight as long again as it took, up to a bound.
        """
        self._settle(linger_s=min(LINGER_S, self._limiter._loop.time() - self._left_at))
        self._limiter._share.charge_in_doubt(self._reservation)

    def _settle(self, linger_s: float = 0.0) -> None:
        if self._settled:
            raise RuntimeError("a permit was settled twice")
        self._settled = True
        if self._transit is not None:
            self._transit.cancel()
        self._arrive()
        self._limiter._account.ended(self._number, lost=linger_s > 0)
        if linger_s > 0:
            self._limiter._loop.call_later(linger_s, self._limiter._give_back, self._load)
        else:
            self._limiter._give_back(self._load)

    def _arrive(self) -> None:
        if not self._arrived:
            self._arrived = True
            self._limiter._count_arrival(self._images)


class RateLimiter:
    """Gives permits of one account, within its limits and the run's budget. Make it inside the event loop that uses it.

    Args:
        limits: What the account may send.
        budget: What the run may spend, here and at other accounts.
        earlier: What other runs sent within the last window, each as seconds ago and images: the service counts
            it still.
        account: Where other processes tell what they do with the account meanwhile.
        rng: Spreads the waits for which the service names no time.
    """

    def __init__(
        self,
        limits: RateSettings,
        budget: Budget,
        *,
        earlier: Iterable[tuple[float, int]] = (),
        account: AccountUse | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._requests = Rate(limits.requests_per_minute, limits.window_s)
        self._images = None if limits.images_per_minute is None else Rate(limits.images_per_minute, limits.window_s)
        self._account = account or Alone()
        self._is_strict = limits.strict
        self._feedback = Feedback(
            self._requests.limit,
            limits.concurrency,
            self._requests.window_s,
            rng or random.Random(),  # noqa: S311 (spreads waits, guards nothing)
            adapts=limits.adaptive,
        )
        self._in_flight = 0
        self._waiting = 0
        self._closed = False
        self._turnstile = asyncio.Lock()
        self._changed = asyncio.Event()
        self._share = budget.share(self._changed.set)
        for ago_s, images in sorted(earlier, reverse=True):
            arrived_at = self._loop.time() - max(ago_s, 0.0) + TRANSIT_S
            self._requests.remember(arrived_at, 1)
            if self._images is not None:
                self._images.remember(arrived_at, images)

    async def acquire(self, *, images: int, price_usd: float | None) -> LimiterPermit:
        """Wait until a request for `images` images at `price_usd` for the whole call may leave.

        A wait that is cancelled leaves no trace. Raises BudgetReached, CostUnknown, NeverFits, and Closed.
        """
        if self._images is not None and images > self._images.limit:
            raise NeverFits(images, self._images.limit, self._images.window_s)
        self._waiting += 1
        try:
            async with self._turnstile:
                while True:
                    while (free_at := self._free_at(images, price_usd)) > self._loop.time() + TIMER_TICK_S:
                        await self._change_or(free_at)
                    permit = self._leave_in_turn(images, price_usd)
                    if permit is not None:
                        return permit
                    await self._change_or(self._loop.time() + OTHERS_S)
        finally:
            self._waiting -= 1

    def hold(self) -> Callable[[], None]:
        """Count a job of an earlier run, which takes no permit, as in flight until what is returned is called."""
        self._in_flight += 1
        return self._let_go

    def close(self) -> None:
        """Give no more permits: those who wait get Closed. Permits already given can still be settled."""
        self._closed = True
        self._changed.set()

    def snapshot(self) -> LimiterSnapshot:
        """Return the limits and their use now."""
        now = self._loop.time()
        by_the_minute = 60 / self._requests.window_s
        return LimiterSnapshot(
            in_flight=self._in_flight,
            in_flight_limit=self._feedback.found.in_flight.value,
            waiting=self._waiting,
            requests_per_minute=self._requests.count(now) * by_the_minute,
            limit_per_minute=self._feedback.found.requests.value * by_the_minute,
            configured_per_minute=self._requests.limit * by_the_minute,
            cooldown_s=max(0.0, self._feedback.cooldown.until - now),
            spent_usd=self._share.spent_usd,
            reserved_usd=self._share.reserved_usd,
        )

    def _free_at(self, images: int, price_usd: float | None) -> float:
        if self._closed:
            raise Closed
        if not self._share.has_room(images, price_usd) or self._in_flight >= self._feedback.found.in_flight.value:
            return math.inf
        now = self._loop.time()
        free_at = max(self._feedback.cooldown.until, self._requests.free_at(now, 1, self._requests_limit(now)))
        if self._images is not None:
            free_at = max(free_at, self._images.free_at(now, images, self._images.limit))
        return free_at

    def _requests_limit(self, now: float) -> int:
        # What was found is a number of accepted requests; refused ones come on top, within what is configured.
        return min(self._requests.limit, self._feedback.found.requests.value + self._feedback.refused(now))

    async def _change_or(self, at: float) -> None:
        self._changed.clear()
        timer = None if at == math.inf else self._loop.call_at(at, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _leave_in_turn(self, images: int, price_usd: float | None) -> LimiterPermit | None:
        """Let a request go, unless another process is about to, or has left no room for it."""
        turn = self._account.take_turn()
        if turn is None:
            return None
        try:
            for others in turn.news:
                self._join(others)
            is_full = self._in_flight + self._account.in_flight() >= self._feedback.found.in_flight.value
            if is_full or self._free_at(images, price_usd) > self._loop.time() + TIMER_TICK_S:
                return None
            return self._leave(images, price_usd, turn.leave(images))
        finally:
            self._account.end_turn()

    def _join(self, images: int) -> None:
        """Count what another process has sent just now."""
        self._requests.join(1)
        if self._images is not None:
            self._images.join(images)
        self._loop.call_later(TRANSIT_S, self._count_arrival, images)

    def _leave(self, images: int, price_usd: float | None, number: int) -> LimiterPermit:
        now = self._loop.time()
        self._requests.leave(now, 1, self._feedback.found.requests.value)
        if self._images is not None:
            self._images.leave(now, images, self._images.limit)
        self._in_flight += 1
        load = self._feedback.left(now, self._requests.count(now), self._in_flight)
        return LimiterPermit(self, images, self._share.reserve(images, price_usd), load, number)

    def _give_back(self, load: Load) -> None:
        self._feedback.ended(load)
        self._let_go()

    def _let_go(self) -> None:
        self._in_flight -= 1
        self._changed.set()

    def _count_arrival(self, images: int) -> None:
        now = self._loop.time()
        self._requests.arrived(now, 1)
        if self._images is not None:
            self._images.arrived(now, images)
        self._changed.set()
