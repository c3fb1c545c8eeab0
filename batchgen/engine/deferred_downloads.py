"""Deferred downloads: collects what earlier runs paid for and could not collect, beside what is being bought now.

To collect is free, so every such image of the dataset is tried, whatever the user selected. One that is still not
there keeps its ticket for the next run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np

from batchgen.config.settings import RunConfig
from batchgen.core.answer import Image, Ticket
from batchgen.core.errors import BatchgenError
from batchgen.core.keys import Finder, Keys, key_of
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.writer import DatasetWriter
from batchgen.engine.collect import collect
from batchgen.engine.progress import Progress
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.providers.base import Provider

# Not urgent: it leaves the line to what is being bought.
_AT_ONCE = 4


class DeferredDownloads:
    """The images of a dataset that are paid for and wait at their links."""

    def __init__(self, writer: DatasetWriter, config: RunConfig, stop: StopSignal, progress: Progress) -> None:
        self._writer = writer
        self._config = config
        self._stop = stop
        self._progress = progress
        self._waiting: list[int] = []  # keys of the requests, one for each image

    async def collect(self, providers: Mapping[str, Provider]) -> None:
        """Try every ticket, with its own provider. A disk that refuses an image stops the run."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def fetch_one(record: IndexRecord) -> None:
            async with turn:
                image = None if self._stop.is_set else await self._try(record, providers.get(record.provider))
            if isinstance(image, Image):
                await self._writer.fetched(record, image)
                self._progress.saved_deferred += 1
            else:
                self._waiting.append(key_of(record.fingerprint))

        try:
            async with asyncio.TaskGroup() as tasks:
                for record in await asyncio.to_thread(self._writer.deferred):
                    tasks.create_task(fetch_one(record))
        except* BatchgenError as failed:
            self._stop.set(StopKind.DISK, str(failed.exceptions[0]))

    async def _try(self, record: IndexRecord, provider: Provider | None) -> Image | Ticket | None:
        if provider is None or record.image_url is None:
            return None
        tries = self._config.provider(record.provider).http.download_attempts
        return await collect(provider, Ticket(record.image_url), tries, self._stop)

    def count(self, gone: Keys) -> int:
        """Return how many did not come, but for those of `gone`: sorted keys of requests nobody asks for any more."""
        return int(np.count_nonzero(~Finder(gone).contains(np.array(self._waiting, np.uint64))))
