"""Looks for jobs whose submission was never answered, where the service lists its jobs: they are not bought again.

A list tells what each job was asked for and when. Of the jobs that the service took since the run began that sent the
attempt, and that the dataset does not know, one that was asked for exactly the same is the lost one. A list may be
late, or leave out what is not done: it is looked at until a time is over. To look costs nothing. A job that failed is
nobody's: it brought nothing, and another one is asked for.

Accepted as a price: jobs without a seed that ask for the same are told apart by what the dataset knows, and by nothing
else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, cast

from batchgen.core.attempts import Attempts, attempt_number, run_of_attempt, run_start
from batchgen.core.errors import BatchgenError, ProviderError
from batchgen.core.outcomes import Affects, policy_of
from batchgen.dataset.read.waiting_jobs import WaitingJob
from batchgen.engine.attempt import AttemptState
from batchgen.engine.protocols import Sink
from batchgen.engine.stop import StopSignal
from batchgen.engine.unexpected import describe
from batchgen.providers.base import ListedJob, ListingProvider, Provider

# The service's clock and ours differ by less.
_SKEW: Final = timedelta(seconds=60)
_FIRST_WAIT_S: Final = 0.5
# Many that are lost together look at one list.
_FRESH_S: Final = 0.4
# What is asked about a list in vain for one of these reasons is not asked again in this run.
_REFUSED: Final = frozenset({Affects.ACCOUNT, Affects.MODEL, Affects.ROW, Affects.UNCLEAR})


class LostJobs:
    """Finds the lost jobs of one account.

    Args:
        provider: The account.
        listed_s: For how many seconds the service lists a job.
        wait_s: For how many seconds a job is looked for, before it counts as one that never was.
        dataset: Knows the jobs that are nobody's lost ones.
        stop: Ends the looking.
        tell: Is told why the service could not be asked.
    """

    def __init__(
        self,
        provider: ListingProvider,
        listed_s: float,
        wait_s: float,
        dataset: Sink,
        stop: StopSignal,
        tell: Callable[[str], None],
    ) -> None:
        self._provider = provider
        self._listed = timedelta(seconds=listed_s)
        self._wait_s = wait_s
        self._dataset = dataset
        self._stop = stop
        self._tell = tell
        self._lists: dict[str, _JobList] = {}
        self._one_at_a_time = asyncio.Lock()
        self._is_refused = wait_s <= 0

    def taken(self, job_id: str) -> None:
        """Learn that a job is no lost one: its submission was answered."""
        for one in self._lists.values():
            one.jobs.pop(job_id, None)

    async def find(self, attempt: AttemptState) -> WaitingJob | None:
        """Return a job of attempts of a request whose answer was never seen, durable; None if the service has none.

        Each attempt is looked for once in a run. Raises DiskError, DamagedIndex.
        """
        doubts = (*attempt.request.prior.in_doubt_ids, *attempt.in_doubt_ids)
        if len(doubts) == attempt.looked_for:
            return None
        attempt.looked_for = len(doubts)
        began, wait_s = monotonic(), _FIRST_WAIT_S
        while not self._is_refused:
            job = await self._look(attempt, _since(doubts, self._listed), monotonic() - _FRESH_S)
            if job is not None:
                found = _waiting(attempt, doubts, job)
                await self._dataset.accepted(found.request, found.ticket, found.attempts)
                return found
            left_s = began + self._wait_s - monotonic()
            if left_s <= 0 or await self._stop.wait(min(wait_s, left_s)):
                break
            wait_s *= 2
        return None

    async def _look(self, attempt: AttemptState, since: datetime, not_before: float) -> ListedJob | None:
        """Look at a list that is no older than a moment; the job is the caller's then."""
        request = attempt.request
        async with self._one_at_a_time:
            if self._is_refused:
                return None
            jobs = self._lists.get(request.model)
            if jobs is None or jobs.asked_at < not_before or jobs.since > since:
                jobs = await self._ask(request.model, since if jobs is None else min(since, jobs.since))
            if jobs is None:
                return None
            for job in jobs.jobs.values():
                is_new = job.created >= since and job.ticket.id not in attempt.jobs
                if is_new and self._provider.is_for(job, request):
                    return jobs.jobs.pop(job.ticket.id)
        return None

    async def _ask(self, model: str, since: datetime) -> _JobList | None:
        """Ask for the list; None where the service does not show it."""
        asked_at = monotonic()
        try:
            listed = await self._provider.listed(model, since)
        except ProviderError as error:
            if policy_of(error.kind).affects in _REFUSED:
                self._refuse(error.message)
            return None
        except BatchgenError:
            raise
        except Exception as error:  # of a list that nobody could read
            self._refuse(describe(error))
            return None
        jobs = self._lists[model] = _JobList(asked_at, since, {job.ticket.id: job for job in listed})
        for known in await asyncio.to_thread(self._dataset.known_jobs, tuple(jobs.jobs)):
            jobs.jobs.pop(known, None)
        return jobs

    def _refuse(self, reason: str) -> None:
        self._is_refused = True
        self._tell(
            f"{self._provider.name} does not show its list of jobs, so a request whose submission was never answered "
            f"is sent again: {reason}"
        )


class _JobList:
    """A list of jobs that are nobody's, by id.

    asked_at: when it was asked for, by the monotonic clock.
    """

    def __init__(self, asked_at: float, since: datetime, jobs: dict[str, ListedJob]) -> None:
        self.asked_at = asked_at
        self.since = since
        self.jobs = jobs


def open_lost_jobs(
    providers: Mapping[str, Provider], wait_s: float, dataset: Sink, stop: StopSignal, tell: Callable[[str], None]
) -> dict[str, LostJobs]:
    """Return what finds lost jobs, by the name of a provider that lists its jobs: its traits say so."""
    return {
        name: LostJobs(cast("ListingProvider", one), jobs.listed_s, wait_s, dataset, stop, tell)
        for name, one in providers.items()
        if (jobs := one.traits.jobs) is not None and jobs.listed_s is not None
    }


def _since(doubts: Sequence[str], listed: timedelta) -> datetime:
    """From when on the service may have taken one of these attempts, as far back as it lists jobs."""
    oldest = datetime.now(UTC) - listed
    starts = [start - _SKEW for doubt in doubts if (start := run_start(run_of_attempt(doubt)))]
    return max(oldest, min(starts, default=oldest))


def _waiting(attempt: AttemptState, doubts: Sequence[str], job: ListedJob) -> WaitingJob:
    """The job that was found, as one of an earlier run that waits to be collected."""
    own = _attempt_of(doubts, job)
    request, prior = attempt.request, attempt.request.prior
    others = replace(
        prior,
        charges=tuple(charge for charge in prior.charges if charge.client_request_id != own),
        in_doubt_ids=tuple(doubt for doubt in prior.in_doubt_ids if doubt != own),
    )
    attempts = Attempts(
        count=attempt_number(own),
        client_request_id=own,
        sent_at=job.created,
        finished_at=datetime.now(UTC),
        latency_s=0.0,
        wasted=attempt.wasted,
        in_doubt_ids=tuple(doubt for doubt in attempt.in_doubt_ids if doubt != own),
    )
    return WaitingJob(replace(request, prior=others), attempts, job.ticket, 0.0)


def _attempt_of(doubts: Sequence[str], job: ListedJob) -> str:
    """The attempt that a job is of: the last one whose run had begun by then."""
    starts = ((doubt, run_start(run_of_attempt(doubt))) for doubt in reversed(doubts))
    return next((doubt for doubt, start in starts if start and start - _SKEW <= job.created), doubts[-1])
