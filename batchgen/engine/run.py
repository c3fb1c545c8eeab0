"""One run from manifest to dataset: opens every room, lets the loop work, and closes everything in order.

The manifest is read twice: once to plan, once to send. Planning gets a head start, so that of a
short manifest everything is known before anything is paid for; of a long one the first requests
leave while planning goes on, and sending stays behind it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from batchgen.billing.preflight import Preflight, ask_account
from batchgen.config.load import Loaded, rows_of
from batchgen.core.errors import ManifestError
from batchgen.core.memory import give_back
from batchgen.core.outcomes import Status
from batchgen.core.request import Value
from batchgen.dataset.events.log import sent_since
from batchgen.dataset.index.records import Provenance
from batchgen.dataset.writer import DatasetWriter
from batchgen.engine.deferred_downloads import DeferredDownloads
from batchgen.engine.display import Display, Live
from batchgen.engine.job import Job
from batchgen.engine.pending import PendingRequests
from batchgen.engine.progress import Progress
from batchgen.engine.run_events import RunEvents
from batchgen.engine.shard import run_requests
from batchgen.engine.stop import StopKind, StopReason, StopSignal
from batchgen.engine.worker import Worker
from batchgen.pacing import RateLimiter
from batchgen.planning.batch import RowBatch
from batchgen.planning.columns import extra_schema
from batchgen.planning.plan import Plan, make_plan
from batchgen.planning.repeats import FollowingReading, LeadingReading
from batchgen.planning.rows import read_rows
from batchgen.providers.aimlapi.client import ApiClient
from batchgen.providers.api_key import ApiKey
from batchgen.store.reserve import RESERVE_BYTES_PER_REQUEST

# How long planning may go on before the first request leaves without waiting for it.
_HEAD_START_S = 2.0
# Often enough to look alive, seldom enough to cost nothing.
_REFRESH_S = 0.2
# Requests that wait for a retry or for the disk leave room for others: twice as many workers as slots.
_WORKERS_PER_SLOT = 2


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        stop: why it stopped early; None if the manifest is done as far as it was selected.
        events_lost: how many lines events.jsonl lacks, since the disk did not take them.
    """

    run_id: str
    out: Path
    plan: Plan
    progress: Progress
    stop: StopReason | None
    seconds: float
    events_lost: int = 0


async def run_job(job: Job, key: ApiKey, display: Display, stop: StopSignal) -> RunSummary:
    """Run a job to its end, or until `stop` is set and what was in flight is finished.

    Cancelling abandons what is in flight: the ledger keeps it as in doubt. Raises DatasetError, ManifestError.
    """
    started = monotonic()
    run_id = _new_run_id()
    own_columns = extra_schema(job.manifest, job.rules)
    # Its name and not its path: datasets are passed on, and where the manifest lay is nobody else's business.
    provenance = Provenance(run_id, Path(job.manifest.name).name or job.manifest.name)
    reserve_bytes = job.loaded.config.limits.concurrency * RESERVE_BYTES_PER_REQUEST
    writer = await asyncio.to_thread(DatasetWriter, job.out, provenance, own_columns, reserve_bytes)
    try:
        await asyncio.to_thread(writer.write_config, _config_text(job.loaded))
        display.opened(dict(writer.recovered))
        running = _Running(job, key, display, stop, writer, run_id)
        plan = await running.run()
    except asyncio.CancelledError:
        writer.abandon()
        raise
    except BaseException:
        await asyncio.to_thread(writer.close, None)
        raise
    display.closing()
    running.events.ended(monotonic() - started)
    for request, records in await asyncio.to_thread(writer.close, plan.gone if plan else None):
        running.progress.settle(request, records)
    return RunSummary(
        run_id, job.out, plan or Plan(), running.progress, stop.reason, monotonic() - started, running.events.lost
    )


class _Running:
    """A run while it goes on."""

    def __init__(
        self, job: Job, key: ApiKey, display: Display, stop: StopSignal, writer: DatasetWriter, run_id: str
    ) -> None:
        self._job = job
        self._config = job.loaded.config
        self._key = key
        self._display = display
        self._stop = stop
        self._writer = writer
        self._run_id = run_id
        self.events = RunEvents(writer.events, run_id)
        self._limiter = RateLimiter(self._config.limits, earlier=_earlier(writer, self._config.limits.window_s))
        self.progress = Progress()
        self._live = Live(self.progress, self._limiter.snapshot)
        self._preflight = Preflight()
        self._deferred = DeferredDownloads(writer, self._config.api.download_attempts, stop, self.progress)
        self._planning = LeadingReading()
        self._over = False

    async def run(self) -> Plan | None:
        """Plan and send; return the plan, None if the run was stopped before it was made.

        Raises ManifestError while nothing was sent. Later a manifest that turns out to be damaged stops the run:
        what it bought by then has to be accounted for.
        """
        self.events.started(self._job.manifest.name, self._job.rules.model.name)
        watching = [asyncio.create_task(self._refresh()), asyncio.create_task(self._tell_of_stop())]
        planning = asyncio.create_task(asyncio.to_thread(self._plan))
        try:
            async with ApiClient(
                self._config.api, self._key, self._config.limits.concurrency, _transport(self._job)
            ) as client:
                await self._prepare(client, planning)
                if not self._stop.is_set and not self._nothing_to_do():
                    await self._send(client)
            plan = self._check(await planning)
            self.progress.deferred = self._deferred.count(plan.gone)
            return plan
        except _PlanningStopped:
            return None
        except ManifestError as error:
            if not self.progress.attempts:
                raise
            self._stop.set(StopKind.MANIFEST, str(error))
            return None
        finally:
            self._over = True
            for task in watching:
                task.cancel()

    async def _prepare(self, client: ApiClient, planning: asyncio.Task[Plan]) -> None:
        """Give planning its head start, and ask the account before anything is bought."""
        await self._unless_stopped(planning, _HEAD_START_S)
        plan = self._check(planning.result()) if planning.done() else None
        if self._config.preflight and not self._stop.is_set and (plan is None or plan.to_send.requests):
            models = [self._job.rules.model.name] if plan is None else list(plan.models)
            asking = asyncio.create_task(ask_account(client.account, models))
            await self._unless_stopped(asking)
            if asking.done():
                self._preflight = asking.result()
                self.events.checked(self._preflight)
                self._display.checked(self._preflight)
            asking.cancel()
        if plan is None:
            planning.add_done_callback(self._planned_late)
        else:
            self._planned(plan)

    async def _unless_stopped(self, task: asyncio.Task[Any], timeout_s: float | None = None) -> None:
        """Wait for a task, at most so long, and no longer than until the run is to stop. The task goes on."""
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stopped}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    def _plan(self) -> Plan:
        def read(rows: int) -> None:
            self._live.rows_read += rows
            if self._stop.is_set or self._over:
                raise _PlanningStopped

        try:
            with closing(self._rows_to_plan()) as batches:
                return make_plan(batches, self._writer.resume_index, self._job.selection, read)
        finally:
            self._planning.end()  # also where nothing was read at all
            give_back()

    def _rows_to_plan(self) -> Generator[RowBatch]:
        error: ManifestError | None = None
        try:
            yield from read_rows(self._job.manifest, self._job.rules, self._planning)
        except ManifestError as damaged:
            error = damaged
            raise
        finally:
            self._planning.end(error)

    def _planned(self, plan: Plan) -> None:
        plan.prices_usd.update(self._preflight.prices_usd)
        plan.space = self._writer.space
        self._live.plan = plan
        self.events.planned(plan)
        self.progress.total_images = plan.to_send.images
        self._display.planned(plan)

    def _planned_late(self, planning: asyncio.Task[Plan]) -> None:
        if not planning.cancelled() and planning.exception() is None:
            self._planned(planning.result())

    def _nothing_to_do(self) -> bool:
        plan = self._live.plan
        return plan is not None and not (plan.to_send.requests or plan.deferred.requests or plan.invalid_rows)

    def _check(self, plan: Plan) -> Plan:
        if plan.requests == 0:
            raise ManifestError(plan.problems)
        return plan

    async def _send(self, client: ApiClient) -> None:
        config = self._config
        worker = Worker(
            client, self._limiter, self._writer, config, self._run_id, self._stop, self.progress, self.events
        )
        pending = PendingRequests(
            lambda: read_rows(self._job.manifest, self._job.rules, FollowingReading(self._planning)),
            self._writer.resume_index,
            self._job.selection,
            self._writer,
            self._preflight.prices_usd,
            self._stop,
        )
        workers = config.limits.concurrency * _WORKERS_PER_SLOT
        async with asyncio.TaskGroup() as tasks:
            if Status.FAILED not in self._job.selection.retry:
                tasks.create_task(self._deferred.fetch(client))
            tasks.create_task(run_requests(pending, worker, self._limiter, workers, self._stop))

    async def _refresh(self) -> None:
        known: tuple[int, int, bool] | None = None
        told_of_loss = False
        while True:
            pace = self._limiter.snapshot()
            now = (round(pace.limit_per_minute), pace.in_flight_limit, pace.cooldown_s > 0)
            if now != known:
                self.events.limits(pace)
                known = now
            self.events.flush()
            if self.events.lost and not told_of_loss:
                self._display.warned("events.jsonl misses what happens now: the disk does not take it.")
                told_of_loss = True
            self._display.refresh(self._live)
            await asyncio.sleep(_REFRESH_S)

    async def _tell_of_stop(self) -> None:
        await self._stop.wait()
        if self._stop.reason is not None:
            self.events.stopping(self._stop.reason.message, self.progress.in_flight)
            self._display.stopping(self._stop.reason, self.progress.in_flight)


class _PlanningStopped(Exception):
    """The run stopped before the manifest was read."""


def _transport(job: Job) -> dict[str, dict[str, Value]]:
    """By model, the field that chooses how its images travel, with the value that is configured."""
    by_link = job.loaded.config.image_transport == "url"
    return {
        model.name: {name: choice.link if by_link else choice.base64}
        for model in job.rules.catalog.models
        for name, choice in filter(None, [model.transport])
    }


def _earlier(writer: DatasetWriter, window_s: float) -> list[tuple[float, int]]:
    """Attempts of earlier runs that the service may still count: seconds ago, and images."""
    now = datetime.now(UTC)
    sent = sent_since(writer.layout.events, now - timedelta(seconds=window_s))
    return [(max(0.0, (now - entry.at).total_seconds()), entry.images) for entry in sent]


def _config_text(loaded: Loaded) -> bytes:
    settings = {name: {"value": value, "from": origin} for name, value, origin in rows_of(loaded)}
    return msgspec.json.format(msgspec.json.encode(settings, enc_hook=dict))


def _new_run_id() -> str:
    """Sorts by time; the tail tells apart runs that start in the same second on two machines."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
