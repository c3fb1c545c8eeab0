"""Takes one request to its outcome: permit, attempt, answer, and what follows from it.

Promised: an attempt is in the write-ahead log before it leaves; an answer is on disk before its request
counts as done; a job that a service accepted is on disk before it is asked about, and holds its permit until it has
ended; a retry holds no slot while it waits; and when the run is to stop, what is in
flight is finished and nothing new leaves.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

from batchgen.config.settings import RunConfig
from batchgen.core.answer import Accepted, Answer, JobTicket
from batchgen.core.errors import BatchgenError, ProviderError
from batchgen.core.format import count
from batchgen.core.outcomes import Affects, Charged, ErrorKind, policy_of
from batchgen.core.request import ImageRequest, ModelKey
from batchgen.engine.attempt import AttemptState
from batchgen.engine.circuit_breaker import CircuitBreaker
from batchgen.engine.halts import Halts
from batchgen.engine.jobs import Uncollected, open_polls
from batchgen.engine.keeper import Keeper
from batchgen.engine.long_waits import LongWaits
from batchgen.engine.lost_jobs import open_lost_jobs
from batchgen.engine.progress import Progress
from batchgen.engine.protocols import Onlooker, Permit, PermitSource, Sink, nobody
from batchgen.engine.refusals import Refusals
from batchgen.engine.resumed_jobs import ResumedJobs
from batchgen.engine.retry import Decision, Fail, Retry, Stop, Suspend, decide
from batchgen.engine.run_events import RunEvents
from batchgen.engine.settling import settle_failed
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.engine.suspects import Suspect, Suspects
from batchgen.engine.unexpected import describe
from batchgen.engine.unreadable import keep_body, keep_slots
from batchgen.engine.verdict import judge
from batchgen.pacing import Closed, NeverFits, NoPermit
from batchgen.providers.base import Provider


class Worker:
    """Settles requests, one call of `settle` each; many may run at once.

    drops_blocked: the models whose filter drops images in silence. keeper: keeps what became of them. polls: asks about
    jobs, by provider. resumed: settles jobs of earlier runs, and lost ones.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        permits: Mapping[str, PermitSource],
        dataset: Sink,
        config: RunConfig,
        run_id: str,
        stop: StopSignal,
        halts: Halts,
        progress: Progress,
        events: RunEvents,
        drops_blocked: Collection[ModelKey] = (),
        onlooker: Onlooker = nobody,
    ) -> None:
        self._providers = providers
        self._permits = permits
        self._dataset = dataset
        self._config = config
        self._run_id = run_id
        self._stop = stop
        self._halts = halts
        self._progress = progress
        self._events = events
        self._drops_blocked = drops_blocked
        self.keeper = Keeper(providers, dataset, config, stop, progress, events, onlooker)
        allowed_s = config.retry.quota_wait_s
        self._long_waits = {
            name: LongWaits(name, allowed_s, halts.note, partial(halts.add_provider, name, StopKind.ACCOUNT))
            for name in providers
        }
        self._too_large = 0
        self._too_large_because = ""
        self._suspects = Suspects(config.retry.connection_failures)
        self._refusals = {name: Refusals() for name in providers}
        self._breakers = {
            name: CircuitBreaker(config.retry, partial(halts.add_provider, name, StopKind.NETWORK), halts.note)
            for name in providers
        }
        self.polls = open_polls(providers, self._breakers, halts, progress)
        self.resumed = ResumedJobs(self.polls, permits, dataset, self.keeper, progress, drops_blocked)
        self._lost = open_lost_jobs(providers, config.retry.find_s, dataset, stop, halts.note)

    async def settle(self, request: ImageRequest) -> None:
        """Send a request until it has an outcome, or the run is to stop. Raises DiskError."""
        attempt = AttemptState(request, self._run_id)
        while True:
            if await self._collect_lost(attempt):
                return
            permit = await self._permit(request)
            if permit is None:
                self._progress.leave_open(request, attempt.summary())
                return
            answer = await self._attempt(attempt, permit)
            if isinstance(answer, Uncollected):
                self._progress.leave_job(request, attempt.summary())
                return
            if isinstance(answer, Answer):
                await self.keeper.keep(attempt, answer)
                for suspect in self._suspects.worked(attempt):
                    await self.keeper.fail(suspect.attempt, suspect.error)
                return
            if not await self._go_on(attempt, answer):
                return

    async def _collect_lost(self, attempt: AttemptState) -> bool:
        """Collect the job of an attempt that was never answered, if the service has one. Raises DiskError."""
        lost = self._lost.get(attempt.request.provider)
        if lost is None or self._stop.is_set or self._halts.cover(attempt.request):
            return False
        if (job := await lost.find(attempt)) is None:
            return False
        self._events.taken(job.attempts.client_request_id, job.ticket)
        await self.resumed.settle(job)
        return True

    async def finish(self) -> None:
        """Settle what was set aside, when nothing else is left to tell whose fault it was. Raises DiskError."""
        blamed, unclear = self._suspects.rest()
        self._halt(unclear)
        for suspect in blamed:
            await self.keeper.fail(suspect.attempt, suspect.error)
        if self._too_large:
            left = f"Left for later: {count(self._too_large, 'request')}"
            self._stop.set(StopKind.LIMITS, f"{left}. {self._too_large_because}")

    async def _permit(self, request: ImageRequest) -> Permit | None:
        if self._halts.cover(request):
            return None
        permits = self._permits[request.provider]
        try:
            permit = await permits.acquire(images=request.num_images, price_usd=request.price_usd)
        except Closed:  # the run is to stop, or the account is halted
            return None
        except NeverFits as error:
            self._too_large += 1
            self._too_large_because = str(error)
            return None
        except NoPermit as error:
            self._stop.set(StopKind.BUDGET, str(error))
            return None
        # The failure that freed this slot may be the one that stopped the run, or halted the model.
        if self._stop.is_set or self._halts.cover(request):
            permit.refused()
            return None
        return permit

    async def _attempt(self, attempt: AttemptState, permit: Permit) -> Answer | ProviderError | Uncollected:
        """Send once; return the outcome. The permit is settled when this returns."""
        request = attempt.request
        attempt.begin_attempt()
        try:
            await self._dataset.sent(request, attempt.summary())
        except BaseException:
            permit.refused()  # nothing left
            raise
        self._progress.attempts += 1
        self._progress.in_flight += 1
        self._events.sent(attempt)
        breaker, account = self._breakers[request.provider], self._refusals[request.provider]
        try:
            answer = await self._ask(attempt, permit)
        except ProviderError as raised:
            error = raised
            error.cost_usd = self.keeper.credible(attempt, error.cost_usd)
            try:
                error = await keep_body(self._dataset, attempt.client_request_id, raised)
            finally:
                if policy_of(error.kind).affects is Affects.RATE:
                    attempt.refusals.add(account)
                settle_failed(permit, error, attempt.refusals.is_odd(account))
                breaker.record_failure(error, request.fingerprint, request.prompt)
            return error
        finally:
            self._progress.in_flight -= 1
        account.accepted += 1
        self._long_waits[request.provider].answered()
        if isinstance(answer, Uncollected):
            permit.in_doubt()
            return answer
        answer = replace(answer, cost_usd=self.keeper.credible(attempt, answer.cost_usd))
        nothing_charged = not answer.images and answer.cost_usd is None
        try:
            answer = await keep_slots(self._dataset, attempt.client_request_id, answer)
        finally:
            permit.done(images=answer.images, cost_usd=0.0 if nothing_charged else answer.cost_usd)
        judged = judge(answer, request, request.model_key in self._drops_blocked)
        if isinstance(judged, ProviderError):
            breaker.record_failure(judged, request.fingerprint, request.prompt)
        else:
            breaker.record_success()
        return judged

    async def _ask(self, attempt: AttemptState, permit: Permit) -> Answer | Uncollected:
        """Submit a request, and collect its job if it becomes one. Raises ProviderError, and DiskError."""
        polls = self.polls.get(attempt.request.provider)
        ticket = None if polls is None else polls.own_ticket(attempt.client_request_id)
        if polls is None or ticket is None:
            submitted = await self._submit(attempt, permit)
            return await self._collect(attempt, submitted, permit) if isinstance(submitted, Accepted) else submitted
        # Durable before it leaves: by its own id it can be asked about, whatever becomes of the answer.
        await self._keep_ticket(attempt, ticket, permit)
        try:
            await self._submit(attempt, permit)
        except ProviderError as error:
            if policy_of(error.kind).charged is Charged.NO:
                raise
        return await polls.collect(attempt.request, ticket)

    async def _submit(self, attempt: AttemptState, permit: Permit) -> Answer | Accepted:
        request = attempt.request
        breaker = self._breakers[request.provider]
        breaker.sent(request.fingerprint)
        try:
            return await self._providers[request.provider].submit(request, attempt.client_request_id, permit.sent)
        except (ProviderError, BatchgenError):
            raise
        except Exception as error:  # of one request: what else is in flight is paid for
            problem = f"what came could not be read: {describe(error)}"
        finally:
            breaker.answered(request.fingerprint)
        raise ProviderError(ErrorKind.BAD_ANSWER, problem)  # outside of the handler: the exception may hold the key

    async def _collect(self, attempt: AttemptState, accepted: Accepted, permit: Permit) -> Answer | Uncollected:
        """Collect a job that was accepted just now. Raises ProviderError if it gave no images, and DiskError."""
        request = attempt.request
        await self._keep_ticket(attempt, accepted.ticket, permit)
        self._breakers[request.provider].record_contact()
        return await self.polls[request.provider].collect(request, accepted.ticket)

    async def _keep_ticket(self, attempt: AttemptState, ticket: JobTicket, permit: Permit) -> None:
        try:
            await self._dataset.accepted(attempt.request, ticket, attempt.summary())
        except BaseException:
            permit.in_doubt()  # it may be charged, and nobody will ask about it before the next run
            raise
        self._events.taken(attempt.client_request_id, ticket)
        attempt.jobs += (ticket.id,)
        if lost := self._lost.get(attempt.request.provider):
            lost.taken(ticket.id)

    async def _go_on(self, attempt: AttemptState, error: ProviderError) -> bool:
        """Do what is to be done about a failed attempt; return whether the request is to be sent again."""
        attempt.failed(error)
        if policy_of(error.kind).affects is Affects.RATE:
            self._progress.throttled += 1
            self._long_waits[attempt.request.provider].refused(error)
        else:
            self._long_waits[attempt.request.provider].answered()
        error, decision = self._decide(attempt, error)
        self._events.failed(attempt, error, decision)
        if isinstance(decision, Fail):
            if error.kind is ErrorKind.EXPIRED or not await self._collect_lost(attempt):
                await self.keeper.fail(attempt, error)
            return False
        self._dataset.refused(attempt.request, error, attempt.summary())
        if isinstance(decision, Suspend):
            self._halt(self._suspects.add(attempt, error))
            return False
        if isinstance(decision, Stop):
            self._halts.add(attempt.request, error)
        if isinstance(decision, Stop) or await self._stop.wait(decision.after_s):
            self._progress.leave_open(attempt.request, attempt.summary())
            return False
        if decision.counted:
            attempt.count()
        self._progress.retries += 1
        return True

    def _halt(self, suspects: Collection[Suspect]) -> None:
        """Ask the models of these requests no more, and blame none of them."""
        for suspect in suspects:
            self._halts.add(suspect.attempt.request, suspect.error)
            self._progress.leave_open(suspect.attempt.request, suspect.attempt.summary())

    def _decide(self, attempt: AttemptState, error: ProviderError) -> tuple[ProviderError, Decision]:
        """What to do about a failed attempt, and how to call the failure."""
        provider, refusals = attempt.request.provider, attempt.refusals
        account = self._refusals[provider]
        if policy_of(error.kind).affects is Affects.RATE and refusals.is_hopeless(account):
            beside = count(refusals.accepted_beside(account), "other request")
            words = f"refused {refusals.times} times as one too many, while {beside} got through: {error.message}"
            return error.but(words), Fail()
        odd_refusals = refusals.times if refusals.is_odd(account) else 0
        tries, chance = attempt.tries + 1, random.random()  # noqa: S311  spread, not secrecy
        decision = decide(error, tries, attempt.elapsed_s, chance, self._config.retry, odd_refusals)
        if isinstance(decision, Retry) and decision.counted and self._breakers[provider].is_hopeless:
            decision = Fail()  # another row may tell more
        return error, decision
