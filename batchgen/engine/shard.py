"""The engine: sends the requests of one shard of a work list, with a number of workers, until there are none left.

When the run is to stop, nothing new is begun, a request that waits for a permit or a retry is left open, and
what is in flight is finished. Memory holds at most two requests a worker, and one slice of the work list.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from batchgen.config.settings import RunConfig
from batchgen.core.errors import BatchgenError, DatasetError, Locked
from batchgen.core.request import ImageRequest, ModelKey
from batchgen.dataset.read.waiting_jobs import WaitingJob
from batchgen.engine.halts import Halts
from batchgen.engine.progress import Progress
from batchgen.engine.protocols import Onlooker, PermitSource, Sink, nobody
from batchgen.engine.run_events import RunEvents
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.engine.worker import Worker
from batchgen.planning.work_list import WorkList
from batchgen.providers.base import Provider

# Requests that wait for a retry or for the disk leave room for others: four times as many workers as slots.
_WORKERS_PER_SLOT = 4


@dataclass(frozen=True, slots=True)
class RunContext:
    """What the requests of a run share.

    prices_usd: of one image by model, where the service says another price than the catalog. drops_blocked: the models
    whose filter drops images in silence. onlooker: is told of every image that is saved.
    """

    run_id: str
    config: RunConfig
    prices_usd: Mapping[ModelKey, float]
    halts: Halts
    progress: Progress
    events: RunEvents
    drops_blocked: Collection[ModelKey] = ()
    onlooker: Onlooker = nobody


async def run_shard(
    work: WorkList,
    providers: Mapping[str, Provider],
    permits: Mapping[str, PermitSource],
    sink: Sink,
    stop: StopSignal,
    context: RunContext,
    jobs: Sequence[WaitingJob] = (),
) -> None:
    """Send all of `work` and keep what comes back. Returns when everything that was begun has ended.

    Args:
        work: The whole work list of a run, or a shard of it.
        providers: By name, who is asked.
        permits: By provider, when the next attempt may leave.
        sink: Keeps answers and rejected rows.
        stop: Set from outside to end early; set here when the account, the disk or the manifest ends the run.
        context: What the requests of the run share.
        jobs: Those that earlier runs left, to be collected.
    """
    worker = Worker(
        providers,
        permits,
        sink,
        context.config,
        context.run_id,
        stop,
        context.halts,
        context.progress,
        context.events,
        context.drops_blocked,
        context.onlooker,
    )
    slots = sum(context.config.provider(name).limits.concurrency for name in providers)
    requests = _requests(work, sink, context.prices_usd)
    async with asyncio.TaskGroup() as tasks:
        for job in jobs:  # they are in flight before the first request asks for a permit
            context.halts.need(job.request.provider)
            tasks.create_task(_told(worker.resumed.settle(job), stop))
        tasks.create_task(settle_all(requests, worker.settle, permits.values(), slots * _WORKERS_PER_SLOT, stop))
    await worker.finish()
    context.halts.finish()


async def _requests(work: WorkList, sink: Sink, prices_usd: Mapping[ModelKey, float]) -> AsyncIterator[ImageRequest]:
    """The requests of a work list at today's prices; rejected rows among them are recorded."""
    async for batch in work.batches():
        if batch.rejected:
            await sink.reject(batch.rejected)
        for request in batch.requests:
            price_usd = prices_usd.get(request.model_key)
            yield request if price_usd is None else replace(request, price_usd=price_usd * request.num_images)


async def settle_all(
    requests: AsyncIterable[ImageRequest],
    settle: Callable[[ImageRequest], Awaitable[None]],
    permits: Collection[PermitSource],
    workers: int,
    stop: StopSignal,
) -> None:
    """Settle every request, so many at a time. Returns when everything that was begun has ended."""
    waiting: asyncio.Queue[ImageRequest | None] = asyncio.Queue(maxsize=workers)

    async def feed() -> None:
        await _fill(waiting, requests, stop)
        for _ in range(workers):
            await waiting.put(None)

    async def work() -> None:
        while (request := await waiting.get()) is not None:
            if not stop.is_set:
                await _told(settle(request), stop)

    async def watch(feeder: asyncio.Task[None]) -> None:
        await stop.wait()
        for source in permits:
            source.close()
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


async def _told(settling: Awaitable[None], stop: StopSignal) -> None:
    """Settle something; a disk that refuses it, or a dataset that is another process's, stops the run."""
    try:
        await settling
    except BatchgenError as error:
        stop.set(StopKind.LOCKED if isinstance(error, Locked) else StopKind.DISK, str(error))


async def _fill(
    waiting: asyncio.Queue[ImageRequest | None], requests: AsyncIterable[ImageRequest], stop: StopSignal
) -> None:
    """Put all requests into a queue; what keeps them from being read stops the run."""
    try:
        async for request in requests:
            await waiting.put(request)
    except BatchgenError as error:
        stop.set(StopKind.DISK if isinstance(error, DatasetError) else StopKind.MANIFEST, str(error))
