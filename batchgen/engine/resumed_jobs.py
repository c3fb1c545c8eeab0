"""Collects the jobs of earlier runs, beside what is being sent now; nothing is sent for them.

They count among what is in flight at their service before anything else leaves. What one has brought is kept as an
answer to the run that sent it. One that failed or is expired is recorded as that: whether it is sent again is for the
next run to tell, which knows what its user chose.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from batchgen.core.errors import ProviderError
from batchgen.core.request import ModelKey
from batchgen.dataset.read.waiting_jobs import WaitingJob
from batchgen.engine.attempt import AttemptState
from batchgen.engine.jobs import JobPolls, Uncollected
from batchgen.engine.keeper import Keeper
from batchgen.engine.progress import Progress
from batchgen.engine.protocols import PermitSource, Sink
from batchgen.engine.unreadable import keep_body, keep_slots
from batchgen.engine.verdict import judge


class ResumedJobs:
    """Settles jobs of earlier runs, one call of `settle` each.

    drops_blocked: the models whose filter drops images in silence.
    """

    def __init__(
        self,
        polls: Mapping[str, JobPolls],
        permits: Mapping[str, PermitSource],
        dataset: Sink,
        keeper: Keeper,
        progress: Progress,
        drops_blocked: Collection[ModelKey],
    ) -> None:
        self._polls = polls
        self._permits = permits
        self._dataset = dataset
        self._keeper = keeper
        self._progress = progress
        self._drops_blocked = drops_blocked

    async def settle(self, job: WaitingJob) -> None:
        """Collect a job, or leave it to the next run. Raises DiskError."""
        if job.request.provider not in self._polls:
            self._progress.uncollected += job.request.num_images
            return
        release = self._permits[job.request.provider].hold()
        self._progress.in_flight += 1
        try:
            await self._collect(job, AttemptState.resumed(job.request, job.attempts))
        finally:
            self._progress.in_flight -= 1
            release()

    async def _collect(self, job: WaitingJob, attempt: AttemptState) -> None:
        request = job.request
        try:
            answer = await self._polls[request.provider].collect(request, job.ticket, is_new=False)
        except ProviderError as error:
            error.cost_usd = self._keeper.credible(attempt, error.cost_usd)
            await self._fail(job, attempt, await keep_body(self._dataset, attempt.client_request_id, error))
            return
        if isinstance(answer, Uncollected):
            self._progress.uncollected += request.num_images
            return
        answer = replace(answer, cost_usd=self._keeper.credible(attempt, answer.cost_usd))
        answer = await keep_slots(self._dataset, attempt.client_request_id, answer)
        judged = judge(answer, request, request.model_key in self._drops_blocked)
        if isinstance(judged, ProviderError):
            await self._fail(job, attempt, judged)
            return
        await self._keeper.keep(attempt, judged)
        self._progress.spent_usd -= job.booked_usd  # the run that sent it has counted it

    async def _fail(self, job: WaitingJob, attempt: AttemptState, error: ProviderError) -> None:
        attempt.failed(error)
        await self._keeper.fail(attempt, error)
        self._progress.spent_usd -= job.booked_usd
