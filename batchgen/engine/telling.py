"""Tells of a run while it goes on: the display and the log of events, of how far it is and of what stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from batchgen.dataset.writer import DatasetWriter
from batchgen.engine.display import Display, Live
from batchgen.engine.run_events import RunEvents
from batchgen.engine.stop import StopKind, StopSignal

# Often enough to look alive, seldom enough to cost nothing.
_REFRESH_S = 0.2


@asynccontextmanager
async def telling(
    display: Display, events: RunEvents, live: Live, writer: DatasetWriter, stop: StopSignal
) -> AsyncIterator[None]:
    """Tell while the block runs; whatever stops the run was told of when this ends. A lost dataset stops it."""
    refreshing = asyncio.create_task(_refresh(display, events, live, writer, stop))
    stopping = asyncio.create_task(_tell_of_stop(display, events, live, stop))
    try:
        yield
    finally:
        refreshing.cancel()
        if stop.is_set:
            await stopping
        stopping.cancel()


async def _refresh(display: Display, events: RunEvents, live: Live, writer: DatasetWriter, stop: StopSignal) -> None:
    known: tuple[int, int, bool] | None = None
    told_of_loss = False
    while True:
        if writer.lost:
            stop.set(StopKind.LOCKED, writer.lost)
        rate = live.snapshot()
        now = (round(rate.limit_per_minute), rate.in_flight_limit, rate.cooldown_s > 0)
        if now != known:
            events.limits(rate)
            known = now
        events.flush()
        if events.lost and not told_of_loss:
            display.warned("events.jsonl misses what happens now: the disk does not take it.")
            told_of_loss = True
        display.refresh(live)
        await asyncio.sleep(_REFRESH_S)


async def _tell_of_stop(display: Display, events: RunEvents, live: Live, stop: StopSignal) -> None:
    await stop.wait()
    if stop.reason is not None:
        events.stopping(stop.reason.message, live.progress.in_flight)
        display.stopping(stop.reason, live.progress.in_flight)
