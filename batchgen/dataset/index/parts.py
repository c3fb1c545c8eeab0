"""The index parts: immutable Parquet files, the higher number the newer, each with its records in the manifest's order.

Where two parts speak of the same slot, the newer one is right. A part that batchgen writes has an id of its own in its
metadata, so that what was made of it can be recognised without reading it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from errno import EMFILE
from hashlib import file_digest
from io import BufferedReader
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batchgen.core.errors import DamagedIndex, DiskError, UnknownFormat
from batchgen.core.format import quote
from batchgen.dataset.index.foreign import (
    as_written_here,
    own_schema,
    refuse_columns,
    refuse_odd_params,
    refuse_odd_values,
)
from batchgen.dataset.index.old_format import is_old, new_schema, old_names, with_new_columns
from batchgen.dataset.index.schema import DISTINCT_COLUMNS
from batchgen.dataset.layout import IMAGE_PATTERN, Layout, part_name
from batchgen.store import Store, StoredFile

# Rows that are read at a time from the start of a part to its end.
_BATCH_ROWS = 32_768
# Rows that are read at a time by those who read many parts side by side.
_FEW_ROWS = 8_192
# Of the index. Before it was counted, parts said nothing of it, and had a column `request`.
FORMAT_VERSION = 2
# Keys in a part's Parquet metadata: its id, and the format.
_ID = b"batchgen.part"
_FORMAT = b"batchgen.format"


@contextmanager
def open_part(file: StoredFile) -> Iterator[pq.ParquetFile]:
    """Open a part for a block.

    Raises DamagedIndex if it is no readable Parquet file, or none of an index; FileNotFoundError if it is gone,
    UnknownFormat, DiskError.
    """
    with open_file(file) as opened, opened_part(file, opened) as part:
        yield part


def opened_part(file: StoredFile, opened: BinaryIO) -> pq.ParquetFile:
    """Return the part in a file that is open, and stays so. Raises DamagedIndex, UnknownFormat, DiskError."""
    try:
        part = pq.ParquetFile(opened, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from error
    refuse_newer(file, int((part.metadata.metadata or {}).get(_FORMAT, b"1")))
    try:
        refuse_columns(_as_read(part.schema_arrow).names)
    except ValueError as error:
        raise _unreadable(file, error) from error
    return part


def refuse_newer(what: StoredFile | Store, version: int) -> None:
    """Raise UnknownFormat if a file or a dataset says that it is of a format that is not known here."""
    if version > FORMAT_VERSION:
        raise UnknownFormat(
            f"{what} was written by a newer version of batchgen (format {version}; this one knows {FORMAT_VERSION}). "
            "Use that version, or a newer one."
        )


def open_file(file: StoredFile) -> BufferedReader:
    """Open a part's file, for `opened_part`. Raises DiskError, FileNotFoundError if it is gone."""
    try:
        return file.open()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(file, error) from error


def read_part(file: StoredFile, part: pq.ParquetFile, columns: Sequence[str] | None) -> pa.Table:
    """Read columns of an open part, as far as it has them; None for all. Raises DamagedIndex."""
    names = old_names(columns) if columns is not None and is_old(part.schema_arrow.names) else columns
    try:
        table = part.read(columns=None if names is None else list(names))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from error
    table = _as_today(file, part, table)
    return table if names is columns else table.select([name for name in columns or () if name in table.column_names])


def schema_of(file: StoredFile) -> pa.Schema:
    """Return the schema of a part as it is read. Raises DamagedIndex, FileNotFoundError."""
    with open_part(file) as part:
        return _as_read(part.schema_arrow)


def stored_schema_of(file: StoredFile) -> pa.Schema:
    """Return the schema that any reader of Parquet finds in a part. Raises DamagedIndex, FileNotFoundError."""
    with open_part(file) as part:
        return part.schema_arrow


def is_own(file: StoredFile) -> bool:
    """Whether this version wrote a part, and no other program has since. Raises DamagedIndex, FileNotFoundError."""
    with open_part(file) as part:
        schema = part.schema_arrow
        return _ID in (part.metadata.metadata or {}) and schema.equals(_as_read(schema))


def row_count(file: StoredFile) -> int:
    """Return how many records a part has. Raises DamagedIndex, FileNotFoundError."""
    with open_part(file) as part:
        return int(part.metadata.num_rows)


def iterate(file: StoredFile, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield a part's records in pieces, with some columns; None for all. Raises DamagedIndex, FileNotFoundError."""
    with open_part(file) as part:
        batches = part.iter_batches(_BATCH_ROWS, columns=None if columns is None else list(columns))
        missing = int(part.metadata.num_rows)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(file, error) from error
            if batch is None:
                break
            missing -= len(batch)
            records = _as_today(file, part, pa.Table.from_batches([batch]))
            if columns is None:
                _refuse_odd_params(file, records)
            yield records
        if missing:  # a damaged column ends early, and pyarrow says nothing
            raise _unreadable(file, ValueError(f"{missing:,} records are missing"))


def signature(file: StoredFile) -> bytes:
    """Return what tells a part from every other: its id, or a hash of its bytes where it has none.

    Raises DamagedIndex, FileNotFoundError.
    """
    with open_part(file) as part:
        known = (part.metadata.metadata or {}).get(_ID)
    if known is not None:
        return bytes(known)
    with open_file(file) as opened:
        return file_digest(opened, "sha256").digest()


class PartReader:
    """Reads records of a part by their positions; quickly while they are asked for from the start to the end."""

    def __init__(self, file: StoredFile, opened: ExitStack) -> None:
        """Open the part, until `opened` is closed. Raises DamagedIndex, FileNotFoundError."""
        self._file = file
        self._part = opened.enter_context(open_part(file))
        rows = [self._part.metadata.row_group(group).num_rows for group in range(self._part.num_row_groups)]
        self._starts = np.cumsum([0, *rows])
        self._group = -1
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._start = self._end = 0  # of the batch that was read last
        self._records = _as_read(self._part.schema_arrow).empty_table()

    def take(self, positions: npt.NDArray[np.uint32]) -> pa.Table:
        """Return the records at these positions, which increase. Raises DamagedIndex."""
        taken = []
        left = positions.astype(np.int64)
        while len(left):
            records = self._records_at(int(left[0]))
            here = int(np.searchsorted(left, self._end))
            taken.append(records.take(pa.array(left[:here] - self._start)))
            left = left[here:]
        return pa.concat_tables(taken) if taken else self._records.slice(0, 0)

    def _records_at(self, position: int) -> pa.Table:
        group = int(np.searchsorted(self._starts, position, side="right")) - 1
        if group != self._group or position < self._start:
            self._group = group
            self._batches = self._part.iter_batches(_FEW_ROWS, row_groups=[group])
            self._start = self._end = int(self._starts[group])
        while position >= self._end:
            try:
                batch = next(self._batches, None)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(self._file, error) from error
            if batch is None:  # a damaged column ends early, and pyarrow says nothing
                raise _unreadable(self._file, ValueError("records are missing"))
            self._start, self._end = self._end, self._end + len(batch)
            if position < self._end:
                self._records = _as_today(self._file, self._part, pa.Table.from_batches([batch]))
        return self._records


def write_part(layout: Layout, number: int, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    """Write a part, whole or not at all; its records come in the manifest's order. Raises OSError."""
    with layout.store.put_stream(part_name(number)) as file, open_writer(file, schema) as writer:
        for table in tables:
            writer.write_table(table)
        writer.add_key_value_metadata({_ID.decode(): secrets.token_hex(16), _FORMAT.decode(): str(FORMAT_VERSION)})


def replace_part(layout: Layout, number: int, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    """Write a part in the place of one that is there. Raises OSError.

    Where others could do so at the same time, it gets a number of its own, and what it replaces is removed then: who
    reads both finds the same, or what is newer.
    """
    own = layout.renewed(number)
    write_part(layout, own, tables, schema)
    if own != number:
        layout.store.remove(part_name(number))


def open_writer(
    target: BinaryIO | pa.NativeFile, schema: pa.Schema, described: list[Any] | None = None
) -> pq.ParquetWriter:
    """Return a writer of Parquet as the dataset has it; when it is closed, its footer is put into `described`."""
    repeats = [name for name in schema.names if name not in DISTINCT_COLUMNS]
    return pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        use_dictionary=repeats,
        write_page_checksum=True,
        metadata_collector=described,
    )


def _as_read(schema: pa.Schema) -> pa.Schema:
    """The schema that records have when they are read: that of a part has what other versions and programs wrote."""
    return own_schema(new_schema(schema) if is_old(schema.names) else schema)


def _as_today(file: StoredFile, part: pq.ParquetFile, records: pa.Table) -> pa.Table:
    """Records of an open part as this version writes them. Raises DamagedIndex."""
    try:
        table = as_written_here(with_new_columns(records) if is_old(part.schema_arrow.names) else records)
        refuse_odd_values(table)
    except (ValueError, pa.ArrowException) as error:
        raise _unreadable(file, error) from error
    _refuse_foreign_names(file, table)
    return table


def _refuse_odd_params(file: StoredFile, records: pa.Table) -> None:
    try:
        refuse_odd_params(records)
    except ValueError as error:
        raise _unreadable(file, error) from error


def _refuse_foreign_names(file: StoredFile, records: pa.Table) -> None:
    """A part may come from somebody else, and a name in it could be that of any file of the reader's."""
    if "file_name" not in records.column_names:
        return
    names = records["file_name"]
    foreign = names.filter(pc.invert(pc.match_substring_regex(names, IMAGE_PATTERN)))
    if len(foreign):
        raise _unreadable(file, ValueError(f"{quote(foreign[0].as_py())} is no name of an image of a dataset"))


def _unreadable(file: StoredFile, error: Exception) -> DamagedIndex | DiskError:
    if isinstance(error, OSError) and error.errno is not None:
        # A snapshot holds all parts open, and an index from elsewhere may have hundreds.
        more = ". Allow more: `ulimit -n 4096`" if error.errno == EMFILE else ""
        return DiskError(f"cannot read {file}: {error.strerror}{more}")
    repair = f"`batchgen verify {file.store} --repair`"
    return DamagedIndex(f"{file} is damaged ({error}). {repair} puts right what can be.")
