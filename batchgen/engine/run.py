"""One run from manifest to dataset: opens every room, lets the loop work, and closes everything in order.

The manifest is read once: planning appends what is to be sent to the work list, and one shard, the whole of it,
is sent behind.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import msgspec
import numpy as np

from batchgen.billing.preflight import Preflight, ask_accounts
from batchgen.config.load import Loaded, rows_of
from batchgen.core.errors import DiskError, ManifestError
from batchgen.core.format import count
from batchgen.core.keys import Keys
from batchgen.core.outcomes import Status
from batchgen.core.request import ImageRequest, ModelKey
from batchgen.core.resume import RequestState
from batchgen.dataset.index.records import IndexRecord, Provenance
from batchgen.dataset.layout import LABEL_UPDATES, WORK_LIST
from batchgen.dataset.read.last_config import read_last_config
from batchgen.dataset.read.presence import AbsentImages, count_absent
from batchgen.dataset.read.waiting_jobs import WaitingJob
from batchgen.dataset.writer import DatasetWriter
from batchgen.engine.accounts import Accounts, Keyring
from batchgen.engine.consent import SettingChange, confirm_rebuy, refuse_other_service, setting_changes
from batchgen.engine.deferred_downloads import DeferredDownloads
from batchgen.engine.display import Display, Live
from batchgen.engine.halts import Halts
from batchgen.engine.job import Job
from batchgen.engine.planner import Planner, PlanningStopped
from batchgen.engine.progress import Progress
from batchgen.engine.protocols import Onlooker, nobody
from batchgen.engine.run_events import RunEvents
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.shard import RunContext, run_shard
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.engine.telling import telling
from batchgen.planning.columns import label_schema
from batchgen.planning.labels import LabelUpdateFile, cell_types_of
from batchgen.planning.plan import Plan
from batchgen.planning.work_file import WorkFile
from batchgen.planning.work_list import FileWorkList, WorkList
from batchgen.providers.base import Billing
from batchgen.store.reserve import RESERVE_BYTES_PER_REQUEST
from batchgen.store.scratch import ScratchFile

# What takes longer is said.
_UNTOLD_S = 1.0


async def run_job(
    job: Job, keyring: Keyring, display: Display, stop: StopSignal, onlooker: Onlooker = nobody
) -> RunSummary:
    """Run a job to its end, or until `stop` is set and what was in flight is finished.

    Cancelling abandons what is in flight: the write-ahead log keeps it as in doubt. Raises DatasetError, ManifestError,
    ApiKeyError.
    """
    started = monotonic()
    keys, missing = keyring.keys(job.provider_names, job.loaded.config)
    run_id = _new_run_id()
    labels = label_schema(job.manifest, job.rules)
    cell_types = cell_types_of(job.manifest, labels)
    # Its name and not its path: datasets are passed on, and a path may be private.
    provenance = Provenance(run_id, Path(job.manifest.name).name or job.manifest.name)
    slots = sum(job.loaded.config.provider(name).limits.concurrency for name in keys)
    reserve_bytes = slots * RESERVE_BYTES_PER_REQUEST
    layout = job.layout
    scratch, changed = layout.store.scratch(WORK_LIST), layout.store.scratch(LABEL_UPDATES)
    work = WorkFile(scratch, labels, cell_types)
    writer = await asyncio.to_thread(DatasetWriter, layout, provenance, work, reserve_bytes)
    updates = LabelUpdateFile(changed, labels, writer.label_digests, cell_types)
    scratches = (scratch, changed)
    planner = Planner(job, work, updates, stop)
    has_images = np.any(writer.resume_index.states == RequestState.DONE)
    last = read_last_config(writer.layout) if has_images else None
    try:
        refuse_other_service(last, job.loaded, job.consent)
        changes = setting_changes(last, job.loaded)
        if not changes:
            await asyncio.to_thread(writer.write_config, _config_text(job.loaded))
        display.opened(dict(writer.recovered))
        accounts = Accounts(job.loaded.config, job.rules.catalog, keys, missing, writer.layout, keyring)
        running = _Running(job, accounts, display, stop, writer, run_id, changes, onlooker)
        plan = await running.run(planner, FileWorkList(work))
    except asyncio.CancelledError:
        planner.abandon()
        writer.abandon()
        raise
    except BaseException:
        await _close(planner, writer, None, updates, scratches)
        raise
    display.closing()
    running.events.ended(monotonic() - started)
    for request, records in await _close(planner, writer, plan.gone if plan else None, updates, scratches):
        running.progress.settle(request, records)
    if writer.kept_images:
        kept = count(writer.kept_images, "image")
        display.warned(
            f"{kept} could not be saved as files; the write-ahead log keeps them, and the next run saves them."
        )
    return RunSummary(
        run_id, job.out, plan or Plan(), running.progress, stop.reason, monotonic() - started, running.events.lost
    )


async def _close(
    planner: Planner,
    writer: DatasetWriter,
    gone: Keys | None,
    updates: LabelUpdateFile,
    scratches: Sequence[ScratchFile],
) -> list[tuple[ImageRequest, tuple[IndexRecord, ...]]]:
    """End planning, then close the dataset, and then remove the scratch files, which both of them use."""
    await planner.end()
    try:
        return await asyncio.to_thread(writer.close, gone, updates)
    finally:
        for scratch in scratches:
            scratch.remove()


class _Running:
    """A run while it goes on."""

    def __init__(
        self,
        job: Job,
        accounts: Accounts,
        display: Display,
        stop: StopSignal,
        writer: DatasetWriter,
        run_id: str,
        changes: tuple[SettingChange, ...],
        onlooker: Onlooker,
    ) -> None:
        self._job = job
        self._config = job.loaded.config
        self._accounts = accounts
        self._display = display
        self._stop = stop
        self._writer = writer
        self._run_id = run_id
        self._changes = changes
        self._onlooker = onlooker
        self.events = RunEvents(writer.events, run_id)
        self.progress = Progress()
        self._live = Live(self.progress, accounts.snapshot)
        self._halts = Halts(
            accounts.limiters, accounts.remedies, stop, self._askable, self._tell_of_halt, accounts.missing
        )
        self._preflight = Preflight()
        self._looking: asyncio.Future[AbsentImages] | None = None
        self._deferred = DeferredDownloads(writer, self._config, stop, self.progress, onlooker)

    async def run(self, planner: Planner, work: WorkList) -> Plan | None:
        """Plan and send; return the plan, None if the run was stopped before it was made.

        Raises ManifestError while nothing was sent. Later a manifest that turns out to be damaged stops the run:
        what it bought by then has to be accounted for. A full disk stops it too.
        """
        self.events.started(self._job.manifest.name, self._job.rules.model.name)
        async with telling(self._display, self.events, self._live, self._writer, self._stop):
            try:
                return await self._plan_and_send(planner, work)
            except PlanningStopped:
                return None
            except ManifestError as error:
                if not self.progress.attempts:
                    raise
                self._stop.set(StopKind.MANIFEST, str(error))
                return None
            except DiskError as error:
                self._stop.set(StopKind.DISK, str(error))
                return None

    async def _plan_and_send(self, planner: Planner, work: WorkList) -> Plan:
        planning = await planner.start(self._writer.resume_index, self._live)
        jobs = await asyncio.to_thread(self._writer.waiting_jobs)
        async with self._accounts:
            if self._changes:
                await self._ask_first(planning)
            await self._prepare(planning)
            if not self._stop.is_set and (jobs or not self._nothing_to_do()):
                await self._send(work, jobs)
            else:
                self.progress.uncollected = sum(job.request.num_images for job in jobs)
        plan = await planning
        self.progress.deferred = self._deferred.count(plan.gone)
        await self._count_absent()
        return plan

    async def _ask_first(self, planning: asyncio.Task[Plan]) -> None:
        """Have changed settings confirmed where they buy done rows again, and keep them.

        Raises UsageError for a no, and PlanningStopped if the run is to stop: then the dataset stays as it was.
        """
        await self._stop.unless_set(planning)
        if planning.done():
            await confirm_rebuy(planning.result(), self._changes, self._job.consent, self._display, self._stop)
        if self._stop.is_set:
            raise PlanningStopped
        await asyncio.to_thread(self._writer.write_config, _config_text(self._job.loaded))

    async def _prepare(self, planning: asyncio.Task[Plan]) -> None:
        """Ask the account before anything is bought, and say what the plan is once it is made."""
        plan = planning.result() if planning.done() else None
        if self._config.preflight and not self._stop.is_set and (plan is None or plan.to_send.requests):
            models = [self._job.rules.model.key] if plan is None else list(plan.models)
            asking = asyncio.create_task(ask_accounts(self._questions(models)))
            await self._stop.unless_set(asking)
            if asking.done():
                self._preflight = asking.result()
                self.events.checked(self._preflight)
                self._display.checked(self._preflight)
            asking.cancel()
        if plan is None:
            planning.add_done_callback(self._planned_late)
        else:
            self._planned(plan)

    def _planned(self, plan: Plan) -> None:
        plan.quote(self._preflight.prices_usd)
        plan.space = self._writer.space
        self._live.plan = plan
        self.events.planned(plan)
        self.progress.total_images = plan.to_send.images + plan.accepted.images
        self._display.planned(plan)
        self._halts.recheck()
        looking = asyncio.to_thread(count_absent, self._writer.layout, plan.gone, lambda: self._stop.is_set)
        self._looking = asyncio.ensure_future(looking)
        # Where the run ends for another reason, nobody waits for it, and asyncio would print a traceback of its error.
        self._looking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    async def _count_absent(self) -> None:
        if self._looking is None:
            return
        await asyncio.wait([self._looking], timeout=_UNTOLD_S)
        if not self._looking.done():
            self._display.warned("Looking whether the images of earlier runs are in the folder.")
        if (absent := await self._looking).images:
            self.progress.absent = absent
            self.events.absent(absent)

    def _questions(self, models: Sequence[ModelKey]) -> dict[str, tuple[Billing | None, list[str]]]:
        """What to ask each account before anything is bought: its models, by provider."""
        questions: dict[str, tuple[Billing | None, list[str]]] = {}
        for name, model in models:
            if name in self._accounts.providers:
                questions.setdefault(name, (self._accounts.providers[name].billing, []))[1].append(model)
        return questions

    def _askable(self) -> set[ModelKey] | None:
        """The models that the run may ask; None while the manifest has not been read and may name others."""
        rules, plan = self._job.rules, self._live.plan
        if "model" not in self._job.manifest.columns:
            return {rules.model.key}
        return None if plan is None else set(plan.models)

    def _tell_of_halt(self, message: str) -> None:
        self.events.halted(message)
        self._display.warned(message)

    def _planned_late(self, planning: asyncio.Task[Plan]) -> None:
        if not planning.cancelled() and planning.exception() is None:
            self._planned(planning.result())

    def _nothing_to_do(self) -> bool:
        plan = self._live.plan
        return plan is not None and not (plan.to_send.requests or plan.deferred.requests or plan.invalid_rows)

    async def _send(self, work: WorkList, jobs: Sequence[WaitingJob]) -> None:
        await asyncio.to_thread(self._writer.rehearse, self._accounts.concurrency)
        silent = {model.key for model in self._job.rules.catalog.models if model.drops_blocked}
        prices, halts, told = self._preflight.prices_usd, self._halts, self.events
        context = RunContext(self._run_id, self._config, prices, halts, self.progress, told, silent, self._onlooker)
        async with asyncio.TaskGroup() as tasks:
            if Status.FAILED not in self._job.selection.retry:
                tasks.create_task(self._deferred.collect(self._accounts.providers, self._halts.need))
            providers, limiters = self._accounts.providers, self._accounts.limiters
            tasks.create_task(run_shard(work, providers, limiters, self._writer, self._stop, context, jobs))


def _config_text(loaded: Loaded) -> bytes:
    settings = {name: {"value": value, "from": origin} for name, value, origin in rows_of(loaded)}
    return msgspec.json.format(msgspec.json.encode(settings, enc_hook=dict))


def _new_run_id() -> str:
    """Sorts by time; the tail tells apart runs that start in the same second on two machines."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
