"""Which labels changed since the last clean stop: of rows that are not sent again, and whose records lie in the index.

Of each chunk of the manifest a digest is taken over all that the index has from it: keys in their order, lines, and
the labels byte by byte. A chunk whose digest the last clean stop stored at the same place is as it was. Of any other
the labels of all requests that the index knows are put aside, compressed, until the clean stop takes them over.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from batchgen.core.labels import LabelBatch
from batchgen.core.resume import RequestState
from batchgen.planning.batch import RowBatch
from batchgen.planning.selection import Classified
from batchgen.planning.work_file import BlockFile, Scratch

DIGEST_BYTES = 16

_SCHEMA = pa.schema({"key": pa.uint64(), "row_number": pa.int64(), "line": pa.int64()})


class LabelUpdateFile:
    """Compares the batches of a manifest with stored digests, and keeps what changed (`LabelUpdates`)."""

    def __init__(self, scratch: Scratch, schema: pa.Schema, stored: Sequence[bytes]) -> None:
        self.schema = schema
        self.digests: list[bytes] = []
        self._stored = stored
        self._start = schema.serialize().to_pybytes()
        self._file = BlockFile(scratch)
        self._blocks: list[tuple[int, int]] = []

    def add(self, batch: RowBatch, classified: Classified) -> None:
        """Take the next batch. Raises DiskError."""
        labels = batch.labels()
        digest = self._digest(batch, classified, labels)
        number = len(self.digests)
        self.digests.append(digest)
        if number >= len(self._stored) or self._stored[number] != digest:
            self._keep(batch, classified, labels)

    def batches(self) -> Iterator[LabelBatch]:
        """Read back what changed, in the manifest's order. Raises DiskError."""
        for block in self._blocks:
            batch = self._file.read(*block)
            keys, rows, lines = (batch.column(index).to_numpy() for index in range(len(_SCHEMA)))
            yield LabelBatch(keys, rows, lines, batch.select(range(len(_SCHEMA), batch.num_columns)))

    def _digest(self, batch: RowBatch, classified: Classified, labels: pa.RecordBatch) -> bytes:
        digest = blake2b(self._start, digest_size=DIGEST_BYTES)
        lines = batch.columns.chunk.lines
        place = f"{batch.first_row_number} {lines}".encode() if isinstance(lines, range) else array("q", lines)
        invalid = array("q", [row.row_number for row in batch.invalid])
        pieces: tuple[Any, ...] = (place, classified.keys, classified.invalid_keys, invalid, labels.serialize())
        for piece in pieces:
            with memoryview(piece) as view:
                digest.update(view.nbytes.to_bytes(8, "big"))
                digest.update(view)
        return digest.digest()

    def _keep(self, batch: RowBatch, classified: Classified, labels: pa.RecordBatch) -> None:
        known = np.flatnonzero(classified.states != RequestState.UNSEEN)
        invalid = np.flatnonzero(classified.invalid_states != RequestState.UNSEEN)
        if not len(known) and not len(invalid):
            return
        rows = [batch.columns.rows[index] for index in known.tolist()]
        rows += [batch.invalid[index].row_number - batch.first_row_number for index in invalid.tolist()]
        lines = batch.columns.chunk.lines
        places = np.array(rows, np.int64)
        arrays = [
            pa.array(np.concatenate([classified.keys[known], classified.invalid_keys[invalid]])),
            pa.array(batch.first_row_number + places),
            pa.array([lines[row] for row in rows], pa.int64()),
            *(column.take(pa.array(places)) for column in labels.columns),
        ]
        changed = pa.RecordBatch.from_arrays(arrays, schema=pa.schema([*_SCHEMA, *self.schema]))
        self._blocks.append(self._file.append(changed))
