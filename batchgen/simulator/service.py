"""The simulator's state, shared by its endpoints: settings, bill, limits, links, and the studio while it is open."""

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
from batchgen.simulator.images import Studio
from batchgen.simulator.settings import SimulatorSettings


class Service:
    """Everything the simulator remembers from one opening to the next."""

    studio: Studio
    closing: asyncio.Event

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.bill = Bill(Decimal(str(settings.balance_usd)))
        self.cdn = Cdn()
        self.requests = SlidingWindow()
        self.log_requests = SlidingWindow()
        self.in_progress: dict[int, web.Request] = {}  # by the number of the arrival
        self.promised_usd = Decimal(0)  # what the requests that are being worked on will cost

    def open(self) -> None:
        """Make ready to serve, in the event loop that will."""
        self.studio = Studio()
        self.closing = asyncio.Event()

    def interrupt(self) -> None:
        """End every request that is being worked on, whether it waits, sends, or waits to send."""
        self.closing.set()
        for request in self.in_progress.values():
            wire.reset(request)

    def close(self) -> None:
        """Let the threads go."""
        self.studio.close()

    def change(self, **changes: Any) -> None:
        """Change settings from the next request on. A balance given here replaces what is left of the old one."""
        self.settings = replace(self.settings, **changes)
        if "balance_usd" in changes:
            self.bill.balance_usd = Decimal(str(self.settings.balance_usd))


class SlidingWindow:
    """Accepts at most so many events in any span of the window's length, whenever that span begins."""

    def __init__(self) -> None:
        self._accepted_s: deque[float] = deque()

    def admit(self, now_s: float, limit: int, window_s: float) -> float:
        """Accept an event at a moment that is no earlier than the last one.

        Returns 0 if it was accepted, else the seconds until one would be. The limit may differ from
        call to call: what was accepted stands.
        """
        accepted = self._accepted_s
        while accepted and now_s - accepted[0] >= window_s:
            accepted.popleft()
        if len(accepted) < limit:
            accepted.append(now_s)
            return 0.0
        # A limit that was lowered to n lets one in when the n-th latest leaves; a limit of 0, never.
        return accepted[-limit] + window_s - now_s if limit else window_s


SERVICE = web.AppKey("service", Service)
