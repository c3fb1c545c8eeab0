"""The loop: hands requests to workers until there are none left, or the run is to stop.

When it is to stop, nothing new is taken up, whoever waits for a permit or for a retry leaves, and
what is in flight is finished. Memory holds at most two requests a worker.
"""

from __future__ import annotations

import asyncio

from batchgen.core.errors import BatchgenError, DatasetError
from batchgen.core.request import ImageRequest
from batchgen.engine.protocols import PermitSource, RequestSource
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.engine.worker import Worker


async def run_requests(
    source: RequestSource, worker: Worker, permits: PermitSource, workers: int, stop: StopSignal
) -> None:
    """Settle every request of `source`, with so many workers. Returns when all that was begun has ended."""
    waiting: asyncio.Queue[ImageRequest | None] = asyncio.Queue(maxsize=workers)

    async def feed() -> None:
        try:
            async for request in source:
                await waiting.put(request)
        except BatchgenError as error:
            stop.set(StopKind.DISK if isinstance(error, DatasetError) else StopKind.MANIFEST, str(error))
        for _ in range(workers):
            await waiting.put(None)

    async def work() -> None:
        while (request := await waiting.get()) is not None:
            if stop.is_set:
                continue
            try:
                await worker.settle(request)
            except BatchgenError as error:
                stop.set(StopKind.DISK, str(error))

    async def watch(feeder: asyncio.Task[None]) -> None:
        await stop.wait()
        permits.close()
        feeder.cancel()
        while not waiting.empty():
            waiting.get_nowait()
        for _ in range(workers):
            waiting.put_nowait(None)

    async with asyncio.TaskGroup() as tasks:
        feeder = tasks.create_task(feed())
        watcher = tasks.create_task(watch(feeder))
        busy = [tasks.create_task(work()) for _ in range(workers)]
        await asyncio.wait(busy)
        watcher.cancel()
