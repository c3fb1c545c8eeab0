"""What the loop needs of the world, beside a Provider and a WorkList. It knows no class behind these protocols.

So the same loop can be one shard of many: requests from a queue, permits from another machine,
parts to an object store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from batchgen.core.answer import Answer, JobTicket
from batchgen.core.attempts import Attempts
from batchgen.core.errors import ProviderError
from batchgen.core.request import ImageRequest, RejectedRow
from batchgen.dataset.index.records import IndexRecord


class Permit(Protocol):
    """The right to send one attempt; settled by exactly one of the last four."""

    def sent(self) -> None:
        """The attempt has been written to its connection."""

    def done(self, *, images: int, cost_usd: float | None) -> None:
        """The service gave `images` images; cost_usd None if it did not say what they cost."""

    def refused(self) -> None:
        """Nothing was charged."""

    def throttled(self, retry_after_s: float | None) -> None:
        """Too many, the service says, whether for all or by chance; it may say when to ask again."""

    def in_doubt(self) -> None:
        """The answer will never be seen."""


class PermitSource(Protocol):
    """What says when the next attempt may leave."""

    async def acquire(self, *, images: int, price_usd: float | None) -> Permit:
        """Wait for a permit. Raises a BatchgenError when none will be given any more."""

    def hold(self) -> Callable[[], None]:
        """Count a job of an earlier run among what is in flight, until what is returned is called."""

    def close(self) -> None:
        """Give no more permits: those who wait are told so."""


class Sink(Protocol):
    """What keeps answers. A method that returns has made its news durable, but for `sent` and `refused`."""

    async def sent(self, request: ImageRequest, attempts: Attempts) -> None:
        """An attempt is about to leave: that outlives this process, if not a loss of power, when this returns."""

    def refused(self, request: ImageRequest, error: ProviderError, attempts: Attempts) -> None:
        """An attempt gave nothing, and another may follow."""

    async def accepted(self, request: ImageRequest, ticket: JobTicket, attempts: Attempts) -> None:
        """The service took an attempt as a job, which is to be asked about."""

    def known_jobs(self, job_ids: Collection[str]) -> set[str]:
        """Those ids of a service's jobs that some request has, of this run or of earlier ones."""

    async def received(self, request: ImageRequest, answer: Answer, attempts: Attempts) -> None:
        """The answer is known; its images are to be fetched."""

    async def save(self, request: ImageRequest, answer: Answer, attempts: Attempts) -> Sequence[IndexRecord]:
        """Keep the images of an answer."""

    async def reject(self, rows: Sequence[RejectedRow]) -> None:
        """Record rows that are never sent."""

    async def keep_unreadable(self, name: str, data: bytes) -> str | None:
        """Keep what was paid for and cannot be read; return where, None if enough of such is kept."""

    async def fail(self, request: ImageRequest, error: ProviderError, attempts: Attempts) -> Sequence[IndexRecord]:
        """Record a request that gave no answer."""


# Is told of the records of images that were saved, durable. Returns at once, and raises nothing.
Onlooker = Callable[[Sequence[IndexRecord]], None]


def nobody(records: Sequence[IndexRecord]) -> None:
    """The onlooker of a run that nobody looks at."""
