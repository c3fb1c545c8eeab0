"""Takes one request to its outcome: permit, attempt, answer, and what follows from it.

Promised: an attempt is in the ledger before it leaves; an answer is on disk before its request
counts as done; a retry holds no slot while it waits; and when the run is to stop, what is in
flight is finished and nothing new leaves.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from batchgen.config.settings import RunConfig
from batchgen.core.answer import Answer, Image, Link, Slot, Unusable
from batchgen.core.errors import ApiError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.dataset.index.records import IN_DOUBT_KINDS
from batchgen.engine.attempt import AttemptState
from batchgen.engine.circuit_breaker import CircuitBreaker
from batchgen.engine.progress import Progress
from batchgen.engine.protocols import Client, Permit, PermitSource, Sink
from batchgen.engine.retry import Fail, Stop, decide
from batchgen.engine.run_events import RunEvents
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.pacing import NeverFits, NoPermit
from batchgen.providers.aimlapi.errors import Affects, Charged, policy_of
from batchgen.providers.http.download import download_with_retries

# The service says what it refuses; what its user can do about it is said here.
_REMEDIES = {
    ErrorKind.BAD_KEY: "Check the key in AIMLAPI_API_KEY and what it may do, then type the same command again.",
    ErrorKind.NO_CREDITS: "Top up the account, then type the same command again.",
    ErrorKind.NOT_FOUND: "Check the model's name and the base URL, then type the command again.",
}


class Worker:
    """Settles requests, one call of `settle` each; many may run at once."""

    def __init__(
        self,
        client: Client,
        permits: PermitSource,
        dataset: Sink,
        config: RunConfig,
        run_id: str,
        stop: StopSignal,
        progress: Progress,
        events: RunEvents,
    ) -> None:
        self._client = client
        self._permits = permits
        self._dataset = dataset
        self._config = config
        self._run_id = run_id
        self._stop = stop
        self._progress = progress
        self._events = events
        self._breaker = CircuitBreaker(config.retry, stop)

    async def settle(self, request: ImageRequest) -> None:
        """Send a request until it has an outcome, or the run is to stop. Raises DiskError."""
        attempt = AttemptState(request, self._run_id)
        while True:
            permit = await self._permit(request)
            if permit is None:
                self._progress.leave_open(request, attempt.summary())
                return
            answer = await self._attempt(attempt, permit)
            if isinstance(answer, Answer):
                await self._keep(request, answer, attempt)
                return
            if not await self._go_on(attempt, answer):
                return

    async def _permit(self, request: ImageRequest) -> Permit | None:
        try:
            permit = await self._permits.acquire(images=request.num_images, price_usd=request.price_usd)
        except NeverFits as error:
            self._stop.set(StopKind.LIMITS, str(error))
            return None
        except NoPermit as error:
            self._stop.set(StopKind.BUDGET, str(error))
            return None
        if self._stop.is_set:  # the failure that freed this slot was the one that stopped the run
            permit.refused()
            return None
        return permit

    async def _attempt(self, attempt: AttemptState, permit: Permit) -> Answer | ApiError:
        """Send once; return what came of it. The permit is settled when this returns."""
        request = attempt.request
        attempt.begin_attempt()
        try:
            self._dataset.sent(request, attempt.summary())
        except BaseException:
            permit.refused()  # nothing left
            raise
        self._progress.attempts += 1
        self._progress.in_flight += 1
        self._events.sent(attempt)
        try:
            answer = await self._client.generate(request, attempt.client_request_id, permit.sent)
        except ApiError as error:
            _settle_failed(permit, error)
            self._breaker.record_failure(error)
            return error
        finally:
            self._progress.in_flight -= 1
        self._breaker.record_success()
        nothing_charged = not answer.slots and answer.cost_usd is None
        permit.done(images=len(answer.slots), cost_usd=0.0 if nothing_charged else answer.cost_usd)
        return _unusable(answer) or answer

    async def _keep(self, request: ImageRequest, answer: Answer, attempt: AttemptState) -> None:
        attempts = attempt.summary()
        self._events.answered(attempt, answer)
        if any(isinstance(slot.image, Link) for slot in answer.slots):
            await self._dataset.received(request, answer, attempts)
            fetched = await asyncio.gather(*map(self._fetch, answer.slots))
            answer = replace(answer, slots=tuple(fetched))
        records = await self._dataset.save(request, answer, attempts)
        self._progress.settle(request, records)
        self._events.finished(attempt, records)

    async def _go_on(self, attempt: AttemptState, error: ApiError) -> bool:
        """Do what is to be done about a failed attempt; return whether the request is to be sent again."""
        attempt.failed(error)
        if policy_of(error.kind).affects is Affects.RATE:
            self._progress.throttled += 1
        decision = decide(error, attempt.tries + 1, attempt.elapsed_s, random.random(), self._config.retry)  # noqa: S311
        self._events.failed(attempt, error, decision)
        if isinstance(decision, Fail):
            records = await self._dataset.fail(attempt.request, error, attempt.summary())
            self._progress.settle(attempt.request, records)
            self._events.finished(attempt, records)
            return False
        self._dataset.refused(attempt.request, error, attempt.summary())
        if isinstance(decision, Stop):
            self._stop.set(StopKind.ACCOUNT, f"{error.message.rstrip('.')}. {_REMEDIES[error.kind]}")
        if isinstance(decision, Stop) or await self._stop.wait(decision.after_s):
            self._progress.leave_open(attempt.request, attempt.summary())
            return False
        if decision.counted:
            attempt.count()
        self._progress.retries += 1
        return True

    async def _fetch(self, slot: Slot) -> Slot:
        if not isinstance(slot.image, Link):
            return slot
        image = await fetch(self._client, slot.image.url, self._config.api.download_attempts, self._stop)
        return Slot(image, slot.enhanced_prompt, slot.image.url)


async def fetch(client: Client, url: str, attempts: int, stop: StopSignal) -> Image | Link:
    """Fetch a paid image from its link, patiently.

    A link that gave no usable image is kept for the next run, whatever it gave: a CDN may answer 200 with a page
    while the image is late, and to fetch again is free.
    """

    async def sleep(seconds: float) -> None:
        if await stop.wait(seconds):
            raise ApiError(ErrorKind.NOT_FETCHED, "paid for; the run was stopped while its link was late")

    try:
        return await download_with_retries(client, url, attempts, sleep=sleep)
    except ApiError as error:
        return Link(url, error.message)


def _settle_failed(permit: Permit, error: ApiError) -> None:
    if error.kind is ErrorKind.RATE_LIMITED:
        permit.throttled(error.retry_after_s)
    elif error.cost_usd is not None:
        permit.done(images=0, cost_usd=error.cost_usd)
    elif error.kind in IN_DOUBT_KINDS or policy_of(error.kind).charged is not Charged.NO:
        permit.in_doubt()
    else:
        permit.refused()


def _unusable(answer: Answer) -> ApiError | None:
    """The error that an answer amounts to if none of its images is usable; one good image makes it an answer."""
    reasons = [slot.image.reason for slot in answer.slots if isinstance(slot.image, Unusable)]
    if not reasons or len(reasons) < len(answer.slots):
        return None
    return ApiError(
        ErrorKind.BAD_IMAGE,
        reasons[0],
        http_status=answer.http_status,
        cost_usd=answer.cost_usd,
        inference_id=answer.inference_id,
    )
