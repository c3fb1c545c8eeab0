"""Jobs of a service that works on what it accepted: each takes its time, is kept for a while, and then is gone."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from batchgen.simulator.order import Order
from batchgen.simulator.settings import SimulatorSettings


@dataclass(slots=True)
class QueuedJob:
    """One job that was accepted.

    Attributes:
        id: the service's id of it.
        prompt: what it draws.
        status, body: of the result.
        done_at_s, gone_at_s: when it is done, and when it is forgotten, by the monotonic clock.
        model, asked: what it was asked for.
        created_at: when it was accepted (UTC).
        polls: how often it was asked about: only who was told of it can ask.
    """

    id: str
    prompt: str
    status: int
    body: bytes
    done_at_s: float
    gone_at_s: float
    model: str
    asked: Mapping[str, Any]
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    polls: int = 0

    @property
    def is_done(self) -> bool:
        """Whether its result can be fetched."""
        return time.monotonic() >= self.done_at_s

    @property
    def is_gone(self) -> bool:
        """Whether the service has forgotten its result."""
        return time.monotonic() >= self.gone_at_s


class JobQueue:
    """All jobs that were accepted, in order."""

    def __init__(self) -> None:
        self._jobs: dict[str, QueuedJob] = {}

    @property
    def jobs(self) -> Sequence[QueuedJob]:
        """Every job so far, also those that are gone."""
        return tuple(self._jobs.values())

    def take(self, job_id: str, order: Order, made: web.Response, settings: SimulatorSettings) -> None:
        """Accept an order as a job; what it will give is known from the start."""
        chance = random.Random(f"job {settings.seed} {len(self._jobs)}")  # noqa: S311  (a test can repeat it)
        done_at_s = time.monotonic() + chance.uniform(*settings.job_s)
        gone_at_s = done_at_s + settings.job_kept_s
        self._jobs[job_id] = QueuedJob(
            job_id, order.prompt, made.status, _body_of(made), done_at_s, gone_at_s, order.model, order.asked
        )

    def change(self, job_id: str | None, made: web.StreamResponse) -> QueuedJob | None:
        """Let a job give another answer, and return it; None if there is no such job."""
        job = self._jobs.get(job_id or "")
        if job is not None and isinstance(made, web.Response):
            job.status, job.body = made.status, _body_of(made)
        return job

    def ask(self, job_id: str) -> QueuedJob | None:
        """Return a job that is asked about; None if there is none, or not any more."""
        job = self._jobs.get(job_id)
        if job is None or job.is_gone:
            return None
        job.polls += 1
        return job


def _body_of(made: web.Response) -> bytes:
    if not isinstance(made.body, bytes):
        raise TypeError("only an answer whose body is bytes can be that of a job")
    return made.body
