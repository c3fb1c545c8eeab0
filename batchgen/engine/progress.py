"""What a run has done so far: flat counters that the loop fills and a progress line reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from batchgen.core.answer import Answer
from batchgen.core.attempts import Attempts
from batchgen.core.cost import is_unknown, total
from batchgen.core.outcomes import Status
from batchgen.core.remedy import Remedy, remedy_of
from batchgen.core.request import ImageRequest
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.read.presence import AbsentImages

# Enough to show what goes wrong; the rest is in the index.
_FAILURES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class MissingImage:
    """An image slot that gave no image."""

    status: Status
    row_id: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fetching:
    """A round of deferred downloads: how many images wait, and which try of how many it is."""

    images: int
    attempt: int
    attempts: int


@dataclass(slots=True)
class Progress:
    """Counts of one run. Slots are image slots; total_images is None until the manifest has been read.

    repeated images are the same, byte for byte, as that of a row with another prompt: first_repeated names two rows.
    incredible_costs were said by the service and are beyond all sense: first_incredible has a row and its cost.
    Of the images that earlier runs paid for, saved_deferred came in this run, and deferred wait on at their links,
    and dead_links of these are left alone for hours. jobs are those that services work on: by the request's
    fingerprint, until when each can be collected (UTC). uncollected images are those of jobs left to the next run.
    fetching says what is tried now. absent images were saved by earlier runs, and are not in the folder. remedies
    counts the slots without an image by what makes them.
    """

    total_images: int | None = None
    slots: Counter[Status] = field(default_factory=Counter)
    remedies: Counter[Remedy] = field(default_factory=Counter)
    settled_requests: int = 0
    attempts: int = 0
    retries: int = 0
    throttled: int = 0
    in_flight: int = 0
    spent_usd: float = 0.0
    unknown_costs: int = 0
    saved_deferred: int = 0
    deferred: int = 0
    dead_links: int = 0
    jobs: dict[str, datetime] = field(default_factory=dict)
    uncollected: int = 0
    fetching: Fetching | None = None
    absent: AbsentImages = field(default_factory=AbsentImages)
    repeated: int = 0
    first_repeated: tuple[str, str] | None = None
    incredible_costs: int = 0
    first_incredible: tuple[str, float] | None = None
    failures: list[MissingImage] = field(default_factory=list)
    _unsaved_usd: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def done_images(self) -> int:
        """Image slots with an outcome."""
        return self.slots.total()

    def leave_open(self, request: ImageRequest, attempts: Attempts) -> None:
        """Count what a request cost that a stop leaves without an outcome."""
        cost_usd, source = total(attempts.wasted)
        self.spent_usd += cost_usd or 0.0
        if attempts.in_doubt_ids or is_unknown(source):
            self.unknown_costs += request.num_images

    def leave_unsaved(self, request: ImageRequest, answer: Answer, attempts: Attempts) -> None:
        """Count what was paid for an answer that the disk does not take; if it does so later, `settle` counts it."""
        wasted_usd, _ = total(attempts.wasted)
        cost_usd = (wasted_usd or 0.0) + ((request.price_usd or 0.0) if answer.cost_usd is None else answer.cost_usd)
        self._unsaved_usd[request.fingerprint] = cost_usd
        self.spent_usd += cost_usd

    def leave_job(self, request: ImageRequest, attempts: Attempts) -> None:
        """Count what a request cost whose job is left to the next run."""
        self.leave_open(request, attempts)
        self.uncollected += request.num_images
        if request.price_usd is not None:
            self.spent_usd += request.price_usd
        elif not attempts.in_doubt_ids:
            self.unknown_costs += request.num_images

    def settle(self, request: ImageRequest, records: Iterable[IndexRecord]) -> None:
        """Count the records of a request that has its outcome; what earlier runs paid for it does not count here."""
        self.settled_requests += 1
        self.spent_usd -= request.prior.spent_usd + self._unsaved_usd.pop(request.fingerprint, 0.0)
        for record in records:
            self.slots[record.status] += 1
            self.spent_usd += record.cost_usd or 0.0
            self.unknown_costs += is_unknown(record.cost_source)
            if record.status is Status.OK:
                continue
            self.remedies[remedy_of(record.status, record.error_kind)] += 1
            if len(self.failures) < _FAILURES_KEPT:
                self.failures.append(
                    MissingImage(record.status, record.row_id, record.line, record.error_message or "")
                )
