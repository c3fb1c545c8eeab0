"""The images of a dataset, row by row, as its last finished run shows them.

The table is opened once and stays what it is, even if a run replaces it meanwhile.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import ExportError
from batchgen.dataset.index.foreign import (
    as_written_here,
    own_schema,
    refuse_columns,
    refuse_odd_params,
    refuse_odd_values,
)
from batchgen.dataset.index.old_format import is_old, new_schema
from batchgen.dataset.layout import VIEW, Layout
from batchgen.dataset.read.snapshot import open_layout

# Rows of the table read at a time; without their images they are some kB each.
_BATCH_ROWS = 4096

# Numbers of rows of the table, ascending.
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OpenDataset:
    """An open dataset. `schema` is that of its metadata.parquet."""

    layout: Layout
    _table: pq.ParquetFile = field(repr=False)

    @property
    def schema(self) -> pa.Schema:
        """The columns of an image's record."""
        return own_schema(self._table.schema_arrow)

    @property
    def rows(self) -> int:
        """How many images there are."""
        return int(self._table.metadata.num_rows)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns of all rows. Raises ExportError if the table is damaged."""
        try:
            return _as_written_here(self._table.read(columns=list(columns)))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(self.layout, error) from error

    def records(self, positions: Positions, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows at these positions, in order, in batches, with some or all columns.

        Raises ExportError if the table is damaged.
        """
        first = 0
        try:
            for batch in self._table.iter_batches(_BATCH_ROWS, columns=columns):
                low, high = np.searchsorted(positions, (first, first + len(batch)))
                if low < high:
                    records = _as_written_here(pa.Table.from_batches([batch]))
                    yield from records.take(pa.array(positions[low:high] - first)).combine_chunks().to_batches()
                first += len(batch)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(self.layout, error) from error


@contextmanager
def open_source(place: str | PathLike[str]) -> Iterator[OpenDataset]:
    """Open a dataset. Raises NotADataset, ExportError."""
    layout = open_layout(place)
    try:
        view = layout.store.open(VIEW)
    except FileNotFoundError:
        message = (
            f"{layout.store} has no metadata.parquet yet: no run has ended here. Let the run end, or run it again."
        )
        raise ExportError(message) from None
    except OSError as error:
        raise _damaged(layout, error) from error
    with view, _table(layout, view) as table:
        yield OpenDataset(layout, table)


def _table(layout: Layout, view: BinaryIO) -> pq.ParquetFile:
    try:
        table = pq.ParquetFile(view)
        schema = table.schema_arrow
        refuse_columns((new_schema(schema) if is_old(schema.names) else schema).names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(layout, error) from error
    return table


def _as_written_here(table: pa.Table) -> pa.Table:
    """Records of the view as the index has them, also those of another version. Raises ValueError if they are none."""
    records = as_written_here(table)
    refuse_odd_values(records)
    if "params" in records.column_names:
        refuse_odd_params(records)
    return records


def _damaged(layout: Layout, error: Exception) -> ExportError:
    repair = f"batchgen verify {shlex.quote(str(layout.store))} --repair"
    return ExportError(f"{layout.file(VIEW)} cannot be read ({error}). `{repair}` writes it anew.")
