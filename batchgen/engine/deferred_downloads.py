"""Deferred downloads: collects what earlier runs paid for and could not collect, beside what is being bought now.

To collect is free, so every such image of the dataset is tried, whatever the user selected, all together and in
rounds. One that is still not there keeps its ticket for the next run. A link that is dead is soon left alone, and for
hours: an earlier run has been patient with it.
"""

from __future__ import annotations

import asyncio
import random
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import numpy as np

from batchgen.config.settings import RunConfig
from batchgen.core.answer import Image, Ticket
from batchgen.core.errors import BatchgenError
from batchgen.core.keys import Finder, Keys, key_of
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.link_tries import LinkTries
from batchgen.dataset.writer import DatasetWriter
from batchgen.engine.collect import fetch, wait_before_retry
from batchgen.engine.progress import Fetching, Progress
from batchgen.engine.protocols import Onlooker
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.providers.base import Gone, Pending, Provider

# Not urgent: it leaves the line to what is being bought.
_AT_ONCE: Final = 8
# After so many refusals (403, 404, 410) a link is dead: an earlier run, too, waited for it to come.
_REFUSALS_OF_DEAD: Final = 4
# How long a dead link is left alone. It costs nothing to ask again on another day.
_LEFT_ALONE_S: Final = 6 * 3600.0
# Where no image comes for so long, none will: links that are silent take a minute each.
_PATIENCE_S: Final = 300.0


class DeferredDownloads:
    """The images of a dataset that are paid for and wait at their links."""

    def __init__(
        self, writer: DatasetWriter, config: RunConfig, stop: StopSignal, progress: Progress, onlooker: Onlooker
    ) -> None:
        self._writer = writer
        self._config = config
        self._stop = stop
        self._progress = progress
        self._onlooker = onlooker
        self._tries = LinkTries(writer.layout)
        self._waiting = array("Q")  # keys of the requests, one for each image that did not come
        self._came_at = 0.0

    async def collect(self, providers: Mapping[str, Provider], need: Callable[[str], object]) -> None:
        """Try every ticket, with its own provider. A disk that refuses an image stops the run.

        need: Told the name of each provider that an image waits for, open or not.
        """
        self._came_at = monotonic()
        try:
            waiting = await asyncio.to_thread(self._writer.deferred)
            for name in {record.provider for record in waiting}:
                need(name)
            left = self._worth_trying(waiting, providers)
            attempts = max((self._attempts(record) for record in left), default=0)
            for attempt in range(1, attempts + 1):
                self._progress.fetching = Fetching(len(left), attempt, attempts)
                left, wait_s = await self._round(left, attempt, providers)
                if not left or await self._stop.wait(wait_s):
                    break
            self._leave(left)
        except* BatchgenError as failed:
            self._stop.set(StopKind.DISK, str(failed.exceptions[0]))
        finally:
            self._progress.fetching = None
            await asyncio.to_thread(self._tries.keep)

    def count(self, gone: Keys) -> int:
        """Return how many did not come, but for those of `gone`: sorted keys of requests nobody asks for any more."""
        return int(np.count_nonzero(~Finder(gone).contains(np.array(self._waiting, np.uint64))))

    def _worth_trying(self, records: Sequence[IndexRecord], providers: Mapping[str, Provider]) -> list[IndexRecord]:
        """Those whose links are not known to be dead; the others wait on."""
        now, worth = datetime.now(UTC), []
        for record in records:
            if record.provider not in providers or record.image_url is None:
                self._leave([record])
            elif self._is_dead(record) and self._tries.last_s(_key(record), now) < _LEFT_ALONE_S:
                self._progress.dead_links += 1
                self._leave([record])
            else:
                worth.append(record)
        return worth

    async def _round(
        self, records: Sequence[IndexRecord], attempt: int, providers: Mapping[str, Provider]
    ) -> tuple[list[IndexRecord], float]:
        """Try each link once; return those to be tried again, and in how many seconds."""
        again: list[IndexRecord] = []
        waits_s = [0.0]
        todo = iter(records)

        async def work(todo: Iterator[IndexRecord]) -> None:
            for record in todo:
                wait_s = await self._try(record, attempt, providers[record.provider])
                if wait_s is not None:
                    again.append(record)
                    waits_s.append(wait_s)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(_AT_ONCE, len(records))):
                tasks.create_task(work(todo))
        return again, max(waits_s)

    async def _try(self, record: IndexRecord, attempt: int, provider: Provider) -> float | None:
        """Try a link once; return in how many seconds it is to be tried again, None if not in this run."""
        if self._stop.is_set or monotonic() - self._came_at > _PATIENCE_S:
            self._leave([record])
            return None
        found = await fetch(provider, Ticket(record.image_url or ""))
        if isinstance(found, Image):
            self._onlooker([await self._writer.fetched(record, found)])
            self._tries.came(_key(record))
            self._progress.saved_deferred += 1
            self._came_at = monotonic()
            return None
        wait_s = self._after(record, found, attempt)
        if wait_s is None:
            self._leave([record])
        return wait_s

    def _after(self, record: IndexRecord, found: Pending | Gone, attempt: int) -> float | None:
        if isinstance(found, Gone) or found.is_refusal:
            for _ in range(_REFUSALS_OF_DEAD if isinstance(found, Gone) else 1):
                self._tries.failed(_key(record), datetime.now(UTC))
            if self._is_dead(record):
                self._progress.dead_links += 1
                return None
        return wait_before_retry(found, attempt, self._attempts(record), random.random())  # noqa: S311  spread

    def _is_dead(self, record: IndexRecord) -> bool:
        return self._tries.count(_key(record)) >= _REFUSALS_OF_DEAD

    def _attempts(self, record: IndexRecord) -> int:
        return self._config.provider(record.provider).http.download_attempts

    def _leave(self, records: Sequence[IndexRecord]) -> None:
        self._waiting.extend(key_of(record.fingerprint) for record in records)


def _key(record: IndexRecord) -> str:
    return f"{record.fingerprint[:16]}-{record.image_number}"
