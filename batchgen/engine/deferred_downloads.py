"""Fetches what earlier runs paid for and could not fetch, beside what is being bought now.

Fetching is free, so every such image of the dataset is tried, whatever the user selected. One that still does
not come waits on at its link for the next run.
"""

from __future__ import annotations

import asyncio

import numpy as np

from batchgen.core.answer import Image
from batchgen.core.errors import BatchgenError
from batchgen.dataset.index.keys import Finder, Keys, key_of
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.writer import DatasetWriter
from batchgen.engine.progress import Progress
from batchgen.engine.protocols import Client
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.engine.worker import fetch

# Not urgent: it leaves the line to what is being bought.
_AT_ONCE = 4


class DeferredDownloads:
    """The images of a dataset that are paid for and wait at their links."""

    def __init__(self, writer: DatasetWriter, attempts: int, stop: StopSignal, progress: Progress) -> None:
        self._writer = writer
        self._attempts = attempts
        self._stop = stop
        self._progress = progress
        self._waiting: list[int] = []  # keys of the requests, one for each image

    async def fetch(self, client: Client) -> None:
        """Try every link. A disk that refuses an image stops the run."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def fetch_one(record: IndexRecord) -> None:
            async with turn:
                url = None if self._stop.is_set else record.image_url
                image = None if url is None else await fetch(client, url, self._attempts, self._stop)
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

    def count(self, gone: Keys) -> int:
        """Return how many did not come, but for those of `gone`: sorted keys of requests nobody asks for any more."""
        return int(np.count_nonzero(~Finder(gone).contains(np.array(self._waiting, np.uint64))))
