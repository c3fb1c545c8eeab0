"""Collects jobs: asks about each that a service accepted, by one clock for all of them, until it has ended.

To ask is free and may be repeated; a job was paid for when it was accepted, so it is never given up while the service
says that it works on it. What can not be collected in this run is left to the next one. Only what the service has no
more, or what it has nothing to say of once its time is over, is expired.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, cast

from aiolimiter import AsyncLimiter

from batchgen.core.answer import Answer, JobTicket
from batchgen.core.errors import BatchgenError, ProviderError
from batchgen.core.outcomes import Affects, ErrorKind, policy_of
from batchgen.core.request import ImageRequest
from batchgen.engine.circuit_breaker import CircuitBreaker
from batchgen.engine.halts import Halts
from batchgen.engine.progress import Progress
from batchgen.engine.unexpected import describe
from batchgen.providers.base import Gone, JobProvider, Pending, Provider, Unasked
from batchgen.providers.traits import JobTraits

# A wait that is a tenth of a job's age costs it a tenth of its time at most.
_SHARE_OF_AGE: Final = 0.1
_LONGEST_WAIT_S: Final = 10.0
# A service that asks for more patience than this is asked all the same: its results do not keep for ever.
_RETRY_AFTER_MAX_S: Final = 60.0
# A service may not know yet, in all its places, what it has just accepted.
_TIMES_GONE: Final = 3


@dataclass(frozen=True, slots=True)
class Uncollected:
    """A job that this run does not collect; the next one does."""

    reason: str


class JobPolls:
    """Asks one account about its jobs.

    Args:
        provider: The account.
        traits: How the service keeps jobs, and how often it may be asked.
        breaker: Tells when the service cannot be reached.
        halts: Is told when the account is of no more use.
        progress: Knows which jobs are out.
    """

    def __init__(
        self, provider: JobProvider, traits: JobTraits, breaker: CircuitBreaker, halts: Halts, progress: Progress
    ) -> None:
        self._provider = provider
        self._traits = traits
        self._breaker = breaker
        self._halts = halts
        self._progress = progress
        self._clock = AsyncLimiter(1, 1 / traits.polls_per_second)
        self._silent_until = 0.0

    def own_ticket(self, attempt_id: str) -> JobTicket | None:
        """Return the ticket of an attempt that is about to leave, as `JobProvider.own_ticket` has it."""
        return self._provider.own_ticket(attempt_id)

    async def collect(self, request: ImageRequest, ticket: JobTicket, *, is_new: bool = True) -> Answer | Uncollected:
        """Ask about a job until it has ended, also while the run is to stop.

        Args:
            request: What the job was asked for.
            ticket: The job's.
            is_new: Whether it was accepted just now; one of an earlier run may be done long since.

        Raises:
            ProviderError: It has ended without images, or it is expired.
        """
        self._progress.jobs[request.fingerprint] = ticket.collect_until
        try:
            return await self._collect(request, ticket, self._traits.poll_s if is_new else 0.0)
        finally:
            del self._progress.jobs[request.fingerprint]

    async def _collect(self, request: ImageRequest, ticket: JobTicket, wait_s: float) -> Answer | Uncollected:
        began, until, gone, failures = monotonic(), ticket.collect_until, 0, 0
        while True:
            await asyncio.sleep(max(wait_s, self._silent_until - monotonic()))
            async with self._clock:
                found = await self._ask(ticket, request)
            gone = gone + 1 if isinstance(found, Gone) else 0
            failures = failures + 1 if isinstance(found, Unasked) else 0
            if not isinstance(found, Unasked):
                self._breaker.record_contact()
            if isinstance(found, Answer):
                return found
            if isinstance(found, Pending):
                # Its result is kept from when it is done, which is not before now.
                until = max(until, datetime.now(UTC) + timedelta(seconds=self._traits.kept_s))
                self._progress.jobs[request.fingerprint] = until
            elif isinstance(found, Gone):
                if gone >= _TIMES_GONE:
                    raise self._expired(ticket, found.reason)
            elif reason := self._why_left(request, found.error):
                return Uncollected(reason)
            elif found.error.http_status is not None and datetime.now(UTC) > until:
                raise self._expired(ticket, found.error.message)
            age_s = monotonic() - began
            if age_s > self._traits.longest_s:
                return Uncollected("the service has worked on it for longer than a run waits")
            wait_s = self._wait_s(found, age_s, failures)

    async def _ask(self, ticket: JobTicket, request: ImageRequest) -> Answer | Pending | Gone | Unasked:
        try:
            return await self._provider.poll(ticket, request)
        except BatchgenError:
            raise
        except Exception as error:  # of one answer: what else is out is paid for
            problem = f"what came could not be read: {describe(error)}"
        return Unasked(ProviderError(ErrorKind.BAD_ANSWER, problem))

    def _why_left(self, request: ImageRequest, error: ProviderError) -> str:
        """Why a job is left to the next run, since the service could not be asked; empty if it is to be asked again."""
        match policy_of(error.kind).affects:
            case Affects.ACCOUNT | Affects.MODEL | Affects.UNCLEAR:
                self._halts.add(request, error)
                return error.message
            case Affects.PROVIDER:
                self._breaker.record_failure(error, request.fingerprint)
                return error.message if self._breaker.has_tripped else ""
            case Affects.RATE:
                self._silent_until = monotonic() + min(error.retry_after_s or _LONGEST_WAIT_S, _RETRY_AFTER_MAX_S)
        return ""

    def _expired(self, ticket: JobTicket, reason: str) -> ProviderError:
        if self._traits.has_own_ids:
            words = f"the service does not know the job {ticket.id}: it never came, or the service was restarted"
            return ProviderError(ErrorKind.SERVER_ERROR, f"{words} ({reason})", inference_id=ticket.id)
        words = f"the service accepted it as the job {ticket.id}, and does not have that any more: {reason}"
        return ProviderError(ErrorKind.EXPIRED, words, inference_id=ticket.id)

    def _wait_s(self, found: Pending | Gone | Unasked, age_s: float, failures: int) -> float:
        asked_s = found.retry_after_s or 0.0 if isinstance(found, Pending) else 0.0
        backoff_s = self._traits.poll_s * 2.0 ** min(failures, 30)
        own_s = min(max(backoff_s, age_s * _SHARE_OF_AGE), _LONGEST_WAIT_S)
        return max(own_s, min(asked_s, _RETRY_AFTER_MAX_S), self._traits.poll_s)


def open_polls(
    providers: Mapping[str, Provider], breakers: Mapping[str, CircuitBreaker], halts: Halts, progress: Progress
) -> dict[str, JobPolls]:
    """Return what asks about jobs, by the name of a provider that accepts them: its traits say so."""
    return {
        name: JobPolls(cast("JobProvider", one), one.traits.jobs, breakers[name], halts, progress)
        for name, one in providers.items()
        if one.traits.jobs is not None
    }
