"""The loop alone: every request once, bounded memory, and an end that waits for what was begun and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from batchgen.core.errors import BatchgenError, DiskError
from batchgen.core.request import ImageRequest, SeedSource
from batchgen.engine.protocols import Permit
from batchgen.engine.shard import settle_all
from batchgen.engine.stop import StopKind, StopSignal

WORKERS = 3
REQUEST = ImageRequest(
    fingerprint="",
    row_id="",
    row_number=0,
    line=2,
    request_number=0,
    num_images=1,
    provider="aimlapi",
    model="m",
    prompt="a fox",
    seed=None,
    seed_source=SeedSource.NONE,
    params={},
    price_usd=None,
)


class Source:
    """So many requests, and how many of them were taken; or an error where a number says so."""

    def __init__(self, requests: int, broken_at: int | None = None) -> None:
        self.requests = requests
        self.broken_at = broken_at
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[ImageRequest]:
        for number in range(self.requests):
            if number == self.broken_at:
                raise BatchgenError("the file changed while it was read")
            self.taken += 1
            yield replace(REQUEST, row_number=number)


class Worker:
    """Settles at the word of the test."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.go = asyncio.Event()
        self.full = asyncio.Event()
        self._fail_at = fail_at

    async def settle(self, request: ImageRequest) -> None:
        self.begun.append(request.row_number)
        if len(self.begun) == WORKERS:
            self.full.set()
        await self.go.wait()
        if request.row_number == self._fail_at:
            raise DiskError("the disk is full")
        self.ended.append(request.row_number)


class Permits:
    """Nobody waits here; only the closing is seen."""

    closed = False

    async def acquire(self, *, images: int, price_usd: float | None) -> Permit:
        raise AssertionError("the worker asks, not the loop")

    def hold(self) -> Callable[[], None]:
        raise AssertionError("no job of an earlier run waits here")

    def close(self) -> None:
        self.closed = True


async def test_every_request_is_settled_once_and_few_are_held_at_a_time() -> None:
    source, worker, stop = Source(20), Worker(), StopSignal()
    running = asyncio.create_task(settle_all(source, worker.settle, [Permits()], WORKERS, stop))
    await worker.full.wait()
    for _ in range(50):
        await asyncio.sleep(0)  # whatever can run has run
    assert len(worker.begun) == WORKERS
    assert source.taken <= 2 * WORKERS + 1
    worker.go.set()
    await running
    assert sorted(worker.ended) == list(range(20))
    assert not stop.is_set


async def test_a_stop_ends_what_was_begun_and_begins_nothing() -> None:
    source, worker, stop, permits = Source(1000), Worker(), StopSignal(), Permits()
    running = asyncio.create_task(settle_all(source, worker.settle, [permits], WORKERS, stop))
    await worker.full.wait()
    stop.set(StopKind.INTERRUPTED, "stopped")
    worker.go.set()
    await running
    assert sorted(worker.ended) == [0, 1, 2]
    assert permits.closed


async def test_a_disk_that_refuses_stops_the_run_in_its_own_words() -> None:
    worker, stop = Worker(fail_at=1), StopSignal()
    worker.go.set()
    await settle_all(Source(1000), worker.settle, [Permits()], WORKERS, stop)
    assert stop.reason is not None
    assert (stop.reason.kind, stop.reason.message) == (StopKind.DISK, "the disk is full")
    assert len(worker.ended) < 1000


async def test_a_manifest_that_breaks_while_it_is_read_stops_the_run() -> None:
    worker, stop = Worker(), StopSignal()
    worker.go.set()
    await settle_all(Source(10, broken_at=2), worker.settle, [Permits()], WORKERS, stop)
    assert stop.reason is not None
    assert stop.reason.kind is StopKind.MANIFEST


async def test_nothing_to_do_ends_at_once() -> None:
    await settle_all(Source(0), Worker().settle, [Permits()], WORKERS, StopSignal())


async def test_a_mistake_in_the_program_is_not_swallowed() -> None:
    class Broken(Worker):
        async def settle(self, request: ImageRequest) -> None:
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await settle_all(Source(3), Broken().settle, [Permits()], WORKERS, StopSignal())


async def test_of_two_reasons_to_stop_the_first_stands() -> None:
    stop = StopSignal()
    assert not await stop.wait(0)
    stop.set(StopKind.BUDGET, "spent")
    stop.set(StopKind.NETWORK, "gone")
    assert await stop.wait()
    assert stop.reason is not None
    assert stop.reason.kind is StopKind.BUDGET
