"""The work list as a file: planning appends to it, and the sender reads behind, so that memory stays flat.

It consists of blocks, each an Arrow IPC stream of one record batch, compressed with LZ4 (zstd makes it smaller by
two fifths, and takes twice the time). Where a block lies is known in memory alone: nothing resumes from the file, and
the next run replaces it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from batchgen.core.cell_types import CellTypes
from batchgen.core.keys import Mask
from batchgen.core.labels import Numbers
from batchgen.planning.batch import RowBatch
from batchgen.planning.selection import Classified
from batchgen.planning.work_columns import COLUMNS, ROW_NUMBER, to_columns, with_labels

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


class Scratch(Protocol):
    """Bytes that are appended by one thread, and read back by any. Raises DiskError."""

    def append(self, data: bytes) -> None:
        """Append all of `data`."""

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a block lies, and the first of the rows that it is about."""

    offset: int
    size: int
    first_row_number: int


class BlockFile:
    """Record batches of one schema in a scratch file. Raises DiskError."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._size = 0

    def append(self, batch: pa.RecordBatch) -> tuple[int, int]:
        """Append a batch; return offset and size of its block."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as stream:
            stream.write_batch(batch)
        data = sink.getvalue().to_pybytes()
        self._scratch.append(data)
        offset = self._size
        self._size += len(data)
        return offset, len(data)

    def read(self, offset: int, size: int, columns: Sequence[int] | None = None) -> Any:
        """Read a block back as a record batch, whole or some of its columns."""
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=None if columns is None else list(columns))
        return pa.ipc.open_stream(self._scratch.read(offset, size), options=options).read_next_batch()


class WorkFile:
    """What is to be sent, block by block, with the labels of its rows (a `LabelSource`). Raises DiskError."""

    def __init__(self, scratch: Scratch, schema: pa.Schema, cell_types: CellTypes | None = None) -> None:
        self.schema = schema
        self.cell_types = cell_types
        self._file = BlockFile(scratch)
        self._columns = with_labels(schema)
        self._blocks: list[_Block] = []
        self._ended = False
        self._error: Exception | None = None
        self._changed = Condition()

    def add(self, batch: RowBatch, classified: Classified) -> None:
        """Append what of a batch is to be sent or recorded, if there is anything."""
        if len(classified.pending) or len(classified.rejected):
            place = self._file.append(to_columns(batch, classified, self._columns))
            with self._changed:
                self._blocks.append(_Block(*place, batch.first_row_number))
                self._changed.notify_all()

    def end(self, error: Exception | None = None) -> None:
        """Say that nothing more is added, because of `error` if there is one. Later calls have no effect."""
        with self._changed:
            if not self._ended:
                self._ended = True
                self._error = error
                self._changed.notify_all()

    def block(self, number: int) -> Any:
        """Wait for a block and return it as a record batch, or None if there are not so many.

        Raises the error that ended the list, once the blocks before it are read.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or number < len(self._blocks))
            if number >= len(self._blocks):
                if self._error is not None:
                    raise self._error
                return None
            block = self._blocks[number]
        return self._file.read(block.offset, block.size)

    def labels(self, row_numbers: Sequence[int] | Numbers) -> pa.Table:
        """Return the labels of rows, in that order; nulls for a row that is not in the list."""
        columns = range(COLUMNS, COLUMNS + len(self.schema))
        wanted = np.asarray(row_numbers, np.int64)
        places = np.full(len(wanted), -1, np.int64)
        pieces = [self.schema.empty_table()]
        found = 0
        for block, asked in self._blocks_of(wanted):
            batch = self._file.read(block.offset, block.size, [ROW_NUMBER, *columns])
            rows, where = _find(wanted[asked], batch.column(0).to_numpy())
            places[asked[rows]] = found + np.arange(len(rows))
            found += len(rows)
            picked = [column.take(pa.array(where)) for column in batch.columns[1:]]
            pieces.append(pa.Table.from_arrays(picked, schema=self.schema))
        return pa.concat_tables(pieces).take(pa.array(places, mask=places < 0))

    def known(self, row_numbers: Sequence[int] | Numbers) -> Mask:
        """Return for each row number whether the list has the row."""
        wanted = np.asarray(row_numbers, np.int64)
        known = np.zeros(len(wanted), np.bool_)
        for block, asked in self._blocks_of(wanted):
            batch = self._file.read(block.offset, block.size, [ROW_NUMBER])
            rows, _ = _find(wanted[asked], batch.column(0).to_numpy())
            known[asked[rows]] = True
        return known

    def _blocks_of(self, wanted: Numbers) -> list[tuple[_Block, Numbers]]:
        """The blocks that may have these rows, with the positions of those that each may have."""
        with self._changed:
            blocks = list(self._blocks)
        firsts = np.array([block.first_row_number for block in blocks], np.int64)
        numbers = np.searchsorted(firsts, wanted, "right") - 1
        return [(blocks[number], np.flatnonzero(numbers == number)) for number in np.unique(numbers) if number >= 0]


def _find(wanted: Numbers, rows: Numbers) -> tuple[Numbers, Numbers]:
    """Return which of the wanted row numbers are among `rows`, and where each of these is."""
    order = np.argsort(rows, kind="stable")
    places = order[np.minimum(np.searchsorted(rows, wanted, sorter=order), len(rows) - 1)]
    found = np.flatnonzero(rows[places] == wanted)
    return found, places[found]
