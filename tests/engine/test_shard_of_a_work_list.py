"""A shard: rejected rows are recorded where they stand, and prices are those of today."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from support.making import rejected, request

from batchgen.config.settings import RunConfig
from batchgen.core.answer import Answer, Missing, Slot
from batchgen.core.errors import DiskError
from batchgen.core.request import ImageRequest, ModelKey, RejectedRow
from batchgen.engine.halts import Halts
from batchgen.engine.progress import Progress
from batchgen.engine.shard import RunContext, run_shard
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.planning.work_columns import RequestBatch
from batchgen.providers.aimlapi.traits import TRAITS


@dataclass
class Work:
    """A work list of two batches."""

    given: Sequence[RequestBatch]

    async def batches(self) -> AsyncIterator[RequestBatch]:
        for batch in self.given:
            yield batch

    def shard(self, index: int, count: int) -> Work:
        raise NotImplementedError


@dataclass
class Permit:
    def sent(self) -> None: ...

    def done(self, *, images: int, cost_usd: float | None) -> None: ...

    def refused(self) -> None: ...


@dataclass
class Permits:
    """Gives a permit at once and notes the price that was named."""

    prices_usd: list[float | None] = field(default_factory=list)

    async def acquire(self, *, images: int, price_usd: float | None) -> Any:
        self.prices_usd.append(price_usd)
        return Permit()

    def close(self) -> None: ...


class Provider:
    """Answers with no image, free of charge."""

    traits = TRAITS

    async def submit(self, request: ImageRequest, attempt_id: str, on_sent: Any) -> Answer:
        return Answer((Slot(Missing("unfit", blocked=True), None),), 200, 0.0, "inference")


@dataclass
class Dataset:
    """Notes what it is told, in order; a full disk refuses rejected rows."""

    full: bool = False
    told: list[str] = field(default_factory=list)

    async def reject(self, rows: Sequence[RejectedRow]) -> None:
        if self.full:
            raise DiskError("No space left on device")
        self.told += [f"rejected {row.row_id}" for row in rows]

    async def sent(self, request: ImageRequest, attempts: Any) -> None:
        self.told.append(f"sent {request.row_id}")

    async def save(self, request: ImageRequest, answer: Answer, attempts: Any) -> tuple[()]:
        return ()


class Events:
    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None


async def run(work: Work, sink: Dataset, permits: Permits, prices_usd: dict[ModelKey, float]) -> StopSignal:
    stop = StopSignal()
    limiters: dict[str, Any] = {"aimlapi": permits}
    halts = Halts(limiters, {}, stop, lambda: None, lambda message: None)
    context = RunContext("run", RunConfig(), prices_usd, halts, Progress(), cast("Any", Events()))
    async with asyncio.timeout(30):
        await run_shard(work, cast("Any", {"aimlapi": Provider()}), limiters, cast("Any", sink), stop, context)
    return stop


async def test_rejected_rows_are_recorded_and_requests_are_sent() -> None:
    work = Work([RequestBatch((request(0),), (rejected(1),)), RequestBatch((), (rejected(2), rejected(3)))])
    dataset = Dataset()
    assert not (await run(work, dataset, Permits(), {})).is_set
    assert sorted(dataset.told) == ["rejected row-1", "rejected row-2", "rejected row-3", "sent row-0"]


async def test_a_price_that_the_service_names_beats_that_of_the_catalog() -> None:
    other = replace(request(2), model="another-model", price_usd=None)
    work = Work([RequestBatch((request(0), request(1, num_images=3), other), ())])
    permits = Permits()
    await run(work, Dataset(), permits, {("aimlapi", "imagen-3.0-generate-002"): 0.05})
    assert [None if price is None else round(price, 6) for price in permits.prices_usd] == [0.05, 0.15, None]


async def test_a_disk_that_takes_no_rejected_rows_stops_the_run_before_more_is_sent() -> None:
    dataset = Dataset(full=True)
    stop = await run(Work([RequestBatch((request(0),), (rejected(1),))]), dataset, Permits(), {})
    assert stop.reason is not None
    assert stop.reason.kind is StopKind.DISK
    assert dataset.told == []
