"""Jobs of a service that works on what it accepted: each takes its time, is kept for a while, and then is gone."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from batchgen.simulator.settings import SimulatorSettings


@dataclass(slots=True)
class QueuedJob:
    """One job that was accepted.

    Attributes:
        id: the service's id of it.
        prompt: what it draws.
        status, body: of the result.
        done_at_s, gone_at_s: when it is done, and when it is forgotten, by the monotonic clock.
        polls: how often it was asked about: only who was told of it can ask.
    """

    id: str
    prompt: str
    status: int
    body: bytes
    done_at_s: float
    gone_at_s: float
    polls: int = 0

    @property
    def is_done(self) -> bool:
        """Whether its result can be fetched."""
        return time.monotonic() >= self.done_at_s


class JobQueue:
    """All jobs that were accepted, in order."""

    def __init__(self) -> None:
        self._jobs: dict[str, QueuedJob] = {}

    @property
    def jobs(self) -> Sequence[QueuedJob]:
        """Every job so far, also those that are gone."""
        return tuple(self._jobs.values())

    def add(self, job_id: str, prompt: str, status: int, body: bytes, settings: SimulatorSettings) -> None:
        """Accept a job; what it will give is known from the start."""
        chance = random.Random(f"job {settings.seed} {len(self._jobs)}")  # noqa: S311  (a test can repeat it)
        done_at_s = time.monotonic() + chance.uniform(*settings.job_s)
        self._jobs[job_id] = QueuedJob(job_id, prompt, status, body, done_at_s, done_at_s + settings.job_kept_s)

    def ask(self, job_id: str) -> QueuedJob | None:
        """Return a job that is asked about; None if there is none, or not any more."""
        job = self._jobs.get(job_id)
        if job is None or time.monotonic() >= job.gone_at_s:
            return None
        job.polls += 1
        return job
