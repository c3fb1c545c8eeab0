"""What is to be sent: written while planning goes on, read behind it, cut into shards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import numpy as np
import pyarrow as pa

from batchgen.core.keys import keys_of
from batchgen.planning.work_columns import RequestBatch, from_columns
from batchgen.planning.work_file import WorkFile

# Building this many requests holds the interpreter for a millisecond or two.
_SLICE_REQUESTS = 64


class WorkList(Protocol):
    """Requests that are to be sent, each once, in the manifest's order."""

    def batches(self) -> AsyncIterator[RequestBatch]:
        """Give the requests as they are planned. Raises ManifestError, DiskError."""

    def shard(self, index: int, count: int) -> WorkList:
        """Return one of `count` parts that together are the list; which request is in which, its fingerprint says."""


class FileWorkList:
    """The work list that a file holds. Reading happens in a thread, a slice at a time; the loop stays free."""

    def __init__(self, file: WorkFile, index: int = 0, count: int = 1) -> None:
        self._file = file
        self._index = index
        self._count = count

    async def batches(self) -> AsyncIterator[RequestBatch]:
        """Give the requests as they are planned. Raises ManifestError, DiskError."""
        number = 0
        while (block := await asyncio.to_thread(self._block, number)) is not None:
            for start in range(0, len(block), _SLICE_REQUESTS):
                yield await asyncio.to_thread(from_columns, block.slice(start, _SLICE_REQUESTS))
            number += 1

    def shard(self, index: int, count: int) -> FileWorkList:
        """Return one of `count` parts of this list."""
        return FileWorkList(self._file, self._index + index * self._count, self._count * count)

    def _block(self, number: int) -> pa.RecordBatch | None:
        block = self._file.block(number)
        if block is None or self._count == 1:
            return block
        keys = keys_of(block.column(0).to_pylist())
        return block.take(pa.array(np.flatnonzero(keys % np.uint64(self._count) == self._index)))
