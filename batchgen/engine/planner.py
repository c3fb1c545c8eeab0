"""Planning in a thread, beside the loop that sends what is planned.

Of a short manifest the whole plan is known before anything is paid for; of a long one planning gets a head start,
and goes on while the first requests leave.
"""

from __future__ import annotations

import asyncio
from contextlib import closing

from batchgen.core.errors import BatchgenError, ManifestError
from batchgen.core.memory import give_back
from batchgen.core.resume import RequestLookup
from batchgen.engine.consent import refuse_mostly_invalid
from batchgen.engine.display import Live
from batchgen.engine.job import Job
from batchgen.engine.stop import StopSignal
from batchgen.planning.labels import LabelUpdateFile
from batchgen.planning.plan import Plan, make_plan
from batchgen.planning.rows import read_rows
from batchgen.planning.work_file import WorkFile

# How long planning may go on before the first request leaves without waiting for it.
_HEAD_START_S = 2.0


class PlanningStopped(Exception):
    """The run stopped before the manifest was read."""


class Planner:
    """Plans a job, and fills its work list and its label updates.

    It reads the manifest once; a CSV once more where the types of its own columns are others than in the last run.
    """

    def __init__(self, job: Job, work: WorkFile, updates: LabelUpdateFile, stop: StopSignal) -> None:
        self._job = job
        self._work = work
        self._updates = updates
        self._stop = stop
        self._over = False
        self._task: asyncio.Task[Plan] | None = None

    async def start(self, resume_index: RequestLookup, live: Live) -> asyncio.Task[Plan]:
        """Begin to plan, and return when the plan is made or the head start is over; `live` counts the rows.

        The index is large, and let go when planning ends. The task raises ManifestError, DiskError, and
        PlanningStopped if the run is to stop.
        """
        self._task = asyncio.create_task(asyncio.to_thread(self._plan, resume_index, live))
        await self._stop.unless_set(self._task, _HEAD_START_S)
        return self._task

    def abandon(self) -> None:
        """Stop planning after the rows at hand, if it goes on."""
        self._over = True

    async def end(self) -> None:
        """Stop planning, and wait until its thread has left the work list alone."""
        self.abandon()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None  # an exception keeps what planning had at hand

    def _plan(self, resume_index: RequestLookup, live: Live) -> Plan:
        def read(rows: int) -> None:
            live.rows_read += rows
            go_on()

        def go_on(_rows: int = 0) -> None:
            if self._stop.is_set or self._over:
                raise PlanningStopped

        job = self._job
        try:
            with closing(read_rows(job.manifest, job.rules)) as batches:
                checked = refuse_mostly_invalid(job.manifest.name, batches, job.consent)
                plan = make_plan(checked, resume_index, job.selection, read, [self._work, self._updates])
            if plan.requests == 0:
                raise ManifestError(plan.problems)
            if self._updates.decide():
                self._work.end()
                with closing(read_rows(job.manifest, job.rules)) as batches:
                    make_plan(batches, resume_index, job.selection, go_on, [self._updates])
        except BatchgenError as error:
            self._work.end(error)
            raise
        finally:
            self._work.end()
            give_back()
        return plan
