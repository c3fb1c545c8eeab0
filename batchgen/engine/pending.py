"""The requests that are still to be sent, one by one, from a second reading of the manifest.

Reading happens in a thread, a slice at a time, so that the event loop stays free and memory stays
flat however long the manifest is. Rows that are wrong are recorded as they are met.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from batchgen.core.request import ImageRequest, Prior, RejectedRow
from batchgen.dataset.index.keys import key_of, keys_of
from batchgen.dataset.read.resume_index import RequestState, ResumeIndex
from batchgen.engine.stop import StopSignal
from batchgen.planning.batch import InvalidRow, RowBatch
from batchgen.planning.selection import Classifier, Selection

# Building this many requests holds the interpreter for a millisecond or two.
_SLICE_REQUESTS = 64


class Recorder(Protocol):
    """What keeps a record of wrong rows."""

    async def reject(self, rows: Sequence[RejectedRow]) -> None:
        """Record rows that are never sent."""


class PendingRequests:
    """An asynchronous iterator over the requests to send, in the manifest's order. Raises ManifestError.

    prices_usd: of one image by model, where the service says another than the catalog. When the run is to stop it
    ends with the batch of rows that is being read, since a manifest may be long and have little to send.
    """

    def __init__(
        self,
        batches: Callable[[], Iterable[RowBatch]],
        resume_index: ResumeIndex,
        selection: Selection,
        recorder: Recorder,
        prices_usd: Mapping[str, float],
        stop: StopSignal,
    ) -> None:
        self._batches = batches
        self._resume_index = resume_index
        self._selection = selection
        self._recorder = recorder
        self._prices_usd = prices_usd
        self._stop = stop

    async def __aiter__(self) -> AsyncIterator[ImageRequest]:
        entries = self._read()
        while entries_read := await asyncio.to_thread(lambda: list(islice(entries, _SLICE_REQUESTS))):
            rejected = [entry for entry in entries_read if isinstance(entry, RejectedRow)]
            if rejected:
                await self._recorder.reject(rejected)
            for entry in entries_read:
                if isinstance(entry, ImageRequest):
                    yield entry

    def _read(self) -> Iterator[ImageRequest | RejectedRow]:
        classifier = Classifier(self._resume_index, self._selection)
        for batch in self._batches():
            yield from self._new_rejections(batch.invalid)
            for index in classifier.classify(batch).pending.tolist():
                request = batch.request(index)
                prior = self._resume_index.priors.get(key_of(request.fingerprint), Prior())
                yield replace(request, prior=prior, price_usd=self._price_usd(request))
            if classifier.exhausted or self._stop.is_set:
                return

    def _price_usd(self, request: ImageRequest) -> float | None:
        price_usd = self._prices_usd.get(request.model)
        return request.price_usd if price_usd is None else price_usd * request.num_images

    def _new_rejections(self, rows: Sequence[InvalidRow]) -> Iterator[RejectedRow]:
        states, _ = self._resume_index.look_up(keys_of([row.fingerprint for row in rows]))
        for row, state in zip(rows, states.tolist(), strict=True):
            if state != RequestState.INVALID:
                yield RejectedRow(
                    fingerprint=row.fingerprint.hex(),
                    row_id=row.row_id,
                    row_number=row.row_number,
                    line=row.line,
                    provider=row.provider,
                    model=row.model,
                    prompt=row.prompt,
                    reason="; ".join(problem.message for problem in row.problems),
                    extra=row.extra,
                )
