"""The simulator's state, shared by its endpoints: settings, bill, rate limits, links, and the image maker."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import Any

from aiohttp import web

from batchgen.simulator import wire
from batchgen.simulator.bill import Bill
from batchgen.simulator.cdn import Cdn
from batchgen.simulator.dialects import find_dialect
from batchgen.simulator.images import ImageMaker
from batchgen.simulator.job_queue import JobQueue
from batchgen.simulator.settings import SimulatorSettings


class Service:
    """The state of a simulator; all but the image maker and `closing` stays when it is closed and opened again."""

    images: ImageMaker
    closing: asyncio.Event

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.dialect = find_dialect(settings.provider)
        self.bill = Bill(Decimal(str(settings.balance_usd)))
        self.cdn = Cdn()
        self.queue = JobQueue()
        self.request_limit = RateLimit()
        self.log_limit = RateLimit()
        self.in_progress: dict[int, web.Request] = {}  # by number of arrival
        self.reserved_usd = Decimal(0)  # the price of the requests in progress

    def open(self) -> None:
        """Get ready to serve; call it in the event loop that will serve."""
        self.images = ImageMaker()
        self.closing = asyncio.Event()

    def interrupt(self) -> None:
        """Reset the connection of every request in progress."""
        self.closing.set()
        for request in self.in_progress.values():
            wire.reset(request)

    def close(self) -> None:
        """End the drawing threads."""
        self.images.close()

    def change(self, **changes: Any) -> None:
        """Change settings for the requests that follow. A new balance replaces what is left of the old one."""
        self.settings = replace(self.settings, **changes)
        if "balance_usd" in changes:
            self.bill.balance_usd = Decimal(str(self.settings.balance_usd))


class RateLimit:
    """A sliding window: accepts at most `limit` events in any time span of the window's length.

    It keeps the time of every accepted event until it leaves the window. So the limit is exact, where a
    counter for each minute accepts up to twice the limit around the turn of a minute.
    """

    def __init__(self) -> None:
        self._accepted_s: deque[float] = deque()

    def admit(self, now_s: float, limit: int, window_s: float) -> float:
        """Accept an event, or say when one will be accepted.

        Args:
            now_s: the time of the event in seconds; not earlier than in the call before.
            limit: the number of events that are allowed in a window. It may change between calls.
            window_s: the length of the window in seconds.

        Returns:
            0 if the event was accepted, else the seconds until one will be.
        """
        accepted = self._accepted_s
        while accepted and now_s - accepted[0] >= window_s:
            accepted.popleft()
        if len(accepted) < limit:
            accepted.append(now_s)
            return 0.0
        # If the limit was lowered to n, the next is accepted when the n-th latest leaves; with 0, never.
        return accepted[-limit] + window_s - now_s if limit else window_s


SERVICE = web.AppKey("service", Service)
