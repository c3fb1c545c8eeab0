"""Keeps what became of requests: durable in the dataset first, then counted, and told of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from batchgen.config.settings import RunConfig
from batchgen.core.answer import Answer, Flagged, Slot, Ticket
from batchgen.core.cost import MOST_CREDIBLE_USD
from batchgen.core.errors import ProviderError
from batchgen.engine.attempt import AttemptState
from batchgen.engine.collect import collect
from batchgen.engine.progress import Progress
from batchgen.engine.protocols import Onlooker, Sink
from batchgen.engine.run_events import RunEvents
from batchgen.engine.same_images import SameImages
from batchgen.engine.stop import StopSignal
from batchgen.engine.unreadable import keep_slots
from batchgen.providers.base import Provider


class Keeper:
    """Keeps answers and failures of one run."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        dataset: Sink,
        config: RunConfig,
        stop: StopSignal,
        progress: Progress,
        events: RunEvents,
        onlooker: Onlooker,
    ) -> None:
        self._providers = providers
        self._dataset = dataset
        self._config = config
        self._stop = stop
        self._progress = progress
        self._events = events
        self._onlooker = onlooker
        self._images = SameImages()

    def credible(self, attempt: AttemptState, cost_usd: float | None) -> float | None:
        """Return the cost that a service says; None for one beyond all sense, which is recorded."""
        if cost_usd is None or cost_usd <= MOST_CREDIBLE_USD:
            return cost_usd
        self._progress.incredible_costs += 1
        self._progress.first_incredible = self._progress.first_incredible or (attempt.request.row_id, cost_usd)
        self._events.incredible(attempt, cost_usd)
        return None

    async def keep(self, attempt: AttemptState, answer: Answer) -> None:
        """Collect the links of an answer, and save its images. Raises DiskError."""
        request, attempts = attempt.request, attempt.summary()
        self._events.answered(attempt, answer)
        if any(_ticket_of(slot) for slot in answer.slots):
            await self._dataset.received(request, answer, attempts)
            fetched = await asyncio.gather(*(self._collect(request.provider, slot) for slot in answer.slots))
            answer = replace(answer, slots=tuple(fetched))
            answer = await keep_slots(self._dataset, attempt.client_request_id, answer)
        try:
            records = await self._dataset.save(request, answer, attempts)
        except BaseException:
            self._progress.leave_unsaved(request, answer, attempts)
            raise
        self._onlooker(records)
        self._progress.settle(request, records)
        self._events.finished(attempt, records)
        for record, like in self._images.find(records):
            self._progress.repeated += 1
            self._progress.first_repeated = self._progress.first_repeated or (like, record.row_id)
            self._events.repeated(attempt, record, like)

    async def fail(self, attempt: AttemptState, error: ProviderError) -> None:
        """Record that a request is given up. Raises DiskError."""
        records = await self._dataset.fail(attempt.request, error, attempt.summary())
        self._progress.settle(attempt.request, records)
        self._events.finished(attempt, records)

    async def _collect(self, provider: str, slot: Slot) -> Slot:
        ticket = _ticket_of(slot)
        if ticket is None:
            return slot
        tries = self._config.provider(provider).http.download_attempts
        image = await collect(self._providers[provider], ticket, tries, self._stop)
        if isinstance(slot.image, Flagged):
            return replace(slot, image=replace(slot.image, image=image))
        return Slot(image, slot.enhanced_prompt, ticket.url)


def _ticket_of(slot: Slot) -> Ticket | None:
    image = slot.image.image if isinstance(slot.image, Flagged) else slot.image
    return image if isinstance(image, Ticket) else None
