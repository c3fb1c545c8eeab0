"""Which labels changed since the last clean stop: of rows that are not sent again, and whose records lie in the index.

Of each chunk of the manifest a digest is taken over all that the index has from it: keys in their order, lines, and
the labels byte by byte. A chunk whose digest the last clean stop stored at the same place is as it was. Of any other
the labels of all requests that the index knows are put aside, compressed, until the clean stop takes them over.

Where the labels are cells of text, one more digest is that of the types that they turn out to have. If these change,
unchanged chunks are needed too, and the manifest is read again: the index may have values in place of their text.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from batchgen.core.cell_types import CellTypes
from batchgen.core.labels import LabelBatch
from batchgen.core.resume import RequestState
from batchgen.manifest.source import Manifest
from batchgen.planning.batch import RowBatch
from batchgen.planning.selection import Classified
from batchgen.planning.work_file import BlockFile, Scratch

DIGEST_BYTES = 16

_SCHEMA = pa.schema({"key": pa.uint64(), "row_number": pa.int64(), "line": pa.int64()})


def cell_types_of(manifest: Manifest, labels: pa.Schema) -> CellTypes | None:
    """Return what decides the types of labels with this schema; None if there are none, or the manifest has types."""
    return None if manifest.has_types or not labels.names else CellTypes(labels)


class LabelUpdateFile:
    """Compares the batches of a manifest with stored digests, and keeps what changed (`LabelUpdates`)."""

    def __init__(
        self, scratch: Scratch, schema: pa.Schema, stored: Sequence[bytes], cell_types: CellTypes | None = None
    ) -> None:
        self.schema = schema
        self.cell_types = cell_types
        self._stored = stored
        self._start = schema.serialize().to_pybytes()
        self._chunks: list[bytes] = []
        self._file = BlockFile(scratch)
        self._blocks: list[tuple[int, int]] = []

    @property
    def digests(self) -> Sequence[bytes]:
        """Digests of 16 bytes."""
        return self._chunks if self.cell_types is None else [*self._chunks, _digest_of(self.cell_types.schema)]

    def add(self, batch: RowBatch, classified: Classified) -> None:
        """Take the next batch. Raises DiskError."""
        labels = batch.labels()
        if self.cell_types is not None:
            self.cell_types.add(labels, batch.columns.chunk.faults)
        digest = self._digest(batch, classified, labels)
        number = len(self._chunks)
        self._chunks.append(digest)
        if number >= len(self._stored) or self._stored[number] != digest:
            self._keep(batch, classified, labels)

    def decide(self) -> bool:
        """Have the types of cells decided, since all batches were added; return whether all are to be added again."""
        if self.cell_types is None:
            return False
        self.cell_types.decide()
        # Text in the index says what the cells say, whatever type they have now.
        if not self._stored or self._stored[-1] in (self.digests[-1], _digest_of(self.schema)):
            return False
        self._stored, self._chunks, self._blocks = (), [], []
        return True

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


def _digest_of(schema: pa.Schema) -> bytes:
    return blake2b(schema.serialize().to_pybytes(), digest_size=DIGEST_BYTES).digest()
