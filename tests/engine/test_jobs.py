"""A job that was accepted is asked about until it has ended, and is given up only when the service has it no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from support.making import answer, image, request

from batchgen.config.settings import RetrySettings
from batchgen.core.answer import Answer, Image, JobTicket, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.engine.circuit_breaker import CircuitBreaker
from batchgen.engine.halts import Halts
from batchgen.engine.jobs import JobPolls, Uncollected
from batchgen.engine.progress import Progress
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.base import Gone, Pending, Unasked
from batchgen.providers.traits import JobTraits

JOBS = JobTraits(kept_s=3600, longest_s=3600, poll_s=0.001, polls_per_second=1000)
DONE = answer(image(1))
GONE, BUSY = Gone("no such job"), Pending("in the queue")
BROKEN = Unasked(ProviderError(ErrorKind.SERVER_ERROR, "out of order", http_status=500))
NO_LINE = Unasked(ProviderError(ErrorKind.UNREACHABLE, "no connection"))

Found = Answer | Pending | Gone | Unasked | ProviderError


class Service:
    """Says what it was told to say about a job, in order, and then the last of it for ever."""

    name, traits, billing = "aimlapi", TRAITS, None

    def __init__(self, *said: Found) -> None:
        self.said = list(said)
        self.polls = 0
        self.asked = asyncio.Event()

    async def submit(self, request: ImageRequest, attempt_id: str, on_sent: Callable[[], None]) -> Answer:
        raise AssertionError("a job is never sent again")

    def own_ticket(self, attempt_id: str) -> JobTicket | None:
        return None

    async def poll(self, ticket: JobTicket, request: ImageRequest) -> Answer | Pending | Gone | Unasked:
        self.polls += 1
        self.asked.set()
        found = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(found, ProviderError):
            raise found
        return found

    async def collect(self, ticket: Ticket) -> Image:
        raise AssertionError("there are no links here")

    async def aclose(self) -> None: ...


class Desk:
    """A clock of polls at a scripted service."""

    def __init__(self, *said: Found, jobs: JobTraits = JOBS) -> None:
        self.service = Service(*said)
        self.stop, self.progress = StopSignal(), Progress()
        self.halts = Halts({}, {}, self.stop, lambda: None, lambda words: None)
        settings = RetrySettings(connection_failures=3)

        def trip(what: str) -> None:
            self.halts.add_provider("aimlapi", StopKind.NETWORK, what)

        self.breaker = CircuitBreaker(settings, trip, lambda words: None)
        self.polls = JobPolls(self.service, jobs, self.breaker, self.halts, self.progress)

    async def collect(self, ends_in_s: float = 3600) -> Answer | Uncollected | ErrorKind:
        ticket = JobTicket("job", "status", "result", datetime.now(UTC) + timedelta(seconds=ends_in_s))
        try:
            return await self.polls.collect(request(), ticket)
        except ProviderError as error:
            return error.kind


@pytest.mark.parametrize(
    ("said", "ends_in_s", "outcome"),
    [
        ((BUSY, BUSY, DONE), 3600, DONE),
        ((GONE, GONE, BUSY, GONE, GONE, DONE), 3600, DONE),
        ((BROKEN, BROKEN, DONE), 3600, DONE),
        ((NO_LINE, NO_LINE, DONE), 3600, DONE),
        ((DONE,), -60, DONE),
        ((BUSY, BROKEN, DONE), -60, DONE),
        ((ProviderError(ErrorKind.SAFETY, "no"),), 3600, ErrorKind.SAFETY),
        ((GONE,), 3600, ErrorKind.EXPIRED),
        ((BROKEN,), -60, ErrorKind.EXPIRED),
    ],
    ids=[
        "it is worked on, then done",
        "a place that does not know it yet",
        "the service is out of order for a moment",
        "the line is down for a moment",
        "late, and still there",
        "late, but the service works on it",
        "the job failed",
        "the service does not know it",
        "its time is over and the service has nothing",
    ],
)
async def test_what_becomes_of_a_job(
    said: tuple[Found, ...], ends_in_s: float, outcome: Answer | Uncollected | ErrorKind
) -> None:
    desk = Desk(*said)
    assert await desk.collect(ends_in_s) == outcome
    assert desk.progress.jobs == {}


async def test_where_the_line_stays_down_the_job_is_left_also_when_its_time_is_over() -> None:
    desk = Desk(NO_LINE)
    assert isinstance(await desk.collect(-60), Uncollected)
    assert desk.service.polls == 3, "as many as the breaker bears"


async def test_an_account_that_is_closed_leaves_its_jobs_and_sends_nothing_more() -> None:
    desk = Desk(Unasked(ProviderError(ErrorKind.BAD_KEY, "the key was revoked", http_status=401)))
    assert await desk.collect() == Uncollected("the key was revoked")
    assert desk.halts.cover(request())


async def test_a_job_that_never_ends_is_left_to_the_next_run() -> None:
    desk = Desk(BUSY, jobs=JobTraits(kept_s=3600, longest_s=0.05, poll_s=0.001, polls_per_second=1000))
    assert isinstance(await desk.collect(), Uncollected)


async def test_while_a_job_is_worked_on_it_can_be_collected_for_longer_than_was_promised() -> None:
    desk = Desk(BUSY)
    collecting = asyncio.create_task(desk.collect(ends_in_s=1))
    while desk.service.polls < 3:
        await desk.service.asked.wait()
        desk.service.asked.clear()
    (until,) = desk.progress.jobs.values()
    assert until > datetime.now(UTC) + timedelta(seconds=3000)
    collecting.cancel()


@pytest.mark.parametrize(
    ("jobs", "most"),
    [
        (JobTraits(kept_s=360, longest_s=1), 1800),
        (JobTraits(kept_s=600, longest_s=1, at_once=24), 24),
        (JobTraits(kept_s=6, longest_s=1, polls_per_second=2), 6),
        (JobTraits(kept_s=0.1, longest_s=1, polls_per_second=1), 1),
    ],
)
def test_no_more_jobs_may_be_out_than_can_be_asked_about_twice_before_they_die(jobs: JobTraits, most: int) -> None:
    assert jobs.most_out == most
