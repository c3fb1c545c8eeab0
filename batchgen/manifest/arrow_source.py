"""Tables of Arrow as a manifest, and Parquet files and folders of them: columns keep their own types.

What no index can hold is text from here on (`core.label_types`); files of a folder whose types differ are read as
one type, a column that some of them have not is null in those. Rows are numbered through all files of a folder, in
the order of their paths. Batches are sized by the mean size of a row, so that wide rows do not pile up in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import ManifestError
from batchgen.core.label_types import as_type, common_type, is_text_only, storable
from batchgen.core.problems import Finding, Problem
from batchgen.manifest.parquet_folder import ParquetFolder, list_parquet_folder
from batchgen.manifest.source import BATCH_BYTES, BATCH_ROWS, Cell, Kind, check_header

# A column is read piece by piece: pyarrow's own pre-buffering holds whole row groups (97 MB against 12).
READ_BUFFER_BYTES = 1024 * 1024


# What pyarrow raises for a damaged file; the last for a name of a column that is no UTF-8.
_DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)
_NO_FAULTS: Mapping[int, Finding] = MappingProxyType({})


def open_parquet_file(path: Path, name: str) -> ArrowManifest:
    """Open one Parquet file. Raises ManifestError if it is damaged or its columns cannot be used."""
    return _open_parquet(ParquetFolder([path], [{}], {}, ()), name)


def open_parquet_folder(path: Path, name: str) -> ArrowManifest:
    """Open all Parquet files below a folder as one table.

    Raises:
        ManifestError: there are none, one is damaged, or its columns cannot be used.
    """
    return _open_parquet(list_parquet_folder(path, name), name)


@dataclass(frozen=True, slots=True)
class ArrowManifest:
    """A table whose columns were found usable.

    schema: columns as they go on. sources: for each column the types that it has in the files, or `mixed types`.
    batches: columns of these, in the order of `schema`.
    """

    name: str
    schema: pa.Schema
    sources: Sequence[Sequence[pa.DataType | str]]
    row_count: int
    batches: Callable[[], Iterator[pa.RecordBatch]]
    remarks: Sequence[Problem] = ()

    @property
    def columns(self) -> Sequence[str]:
        """The column names."""
        return tuple(self.schema.names)

    @property
    def has_types(self) -> bool:
        """Columns of Arrow have types."""
        return True

    @property
    def kinds(self) -> Sequence[Kind]:
        """What the cells of each column are."""
        return tuple(_kind(column.type, found) for column, found in zip(self.schema, self.sources, strict=True))

    def type_name(self, index: int) -> str:
        """Arrow's name of the type."""
        return " and ".join(map(str, self.sources[index]))

    def select(self, columns: Sequence[int]) -> pa.Schema:
        """The schema of these columns."""
        return pa.schema([self.schema.field(column) for column in columns])

    def chunks(self) -> Iterator[ArrowChunk]:
        """Read the rows from the start."""
        row_number = 0
        try:
            for batch in self.batches():
                if batch.num_rows:
                    yield ArrowChunk(self, batch, row_number)
                    row_number += batch.num_rows
        except _DAMAGED as error:
            text = f"the file is damaged after row {row_number:,}: {_one_line(error)}; write it again"
            raise ManifestError([Problem("E007", self.name, text, row_number + 1, 1)]) from error


@dataclass(slots=True)
class ArrowChunk:
    """Some thousand rows of a table."""

    manifest: ArrowManifest
    batch: pa.RecordBatch
    first_row_number: int

    @property
    def lines(self) -> Sequence[int]:
        """The 1-based number of each row."""
        return range(self.first_row_number + 1, self.first_row_number + self.batch.num_rows + 1)

    @property
    def faults(self) -> Mapping[int, Finding]:
        """None: a table has no ragged rows."""
        return _NO_FAULTS

    def column(self, index: int) -> Sequence[Cell]:
        """The cells of one column."""
        array = as_type(self.batch.column(index), self.manifest.schema.field(index).type)
        try:
            cells = array.to_pylist()
        except UnicodeDecodeError:
            # Arrow does not look inside strings; bytes that are none are marked as in a CSV file.
            cells = array.cast(pa.large_binary()).to_pylist()
            return [cell and cell.decode("utf-8", "surrogateescape") for cell in cells]
        if pa.types.is_decimal(array.type):
            return [cell if cell is None else int(cell) for cell in cells]
        return cast("list[Cell]", cells)

    def raw(self, row: int) -> str:
        """Nothing: no row has a fault."""
        return ""

    def place(self, row: int, column: int | None) -> tuple[int, int]:
        """Number of the row and of the column."""
        return self.first_row_number + row + 1, 1 if column is None else column + 1

    def select(self, columns: Sequence[int]) -> pa.RecordBatch:
        """These columns, with their own types."""
        schema = self.manifest.select(columns)
        arrays = [as_type(self.batch.column(column), kind.type) for column, kind in zip(columns, schema, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _open_parquet(folder: ParquetFolder, name: str) -> ArrowManifest:
    found: dict[str, dict[pa.DataType, None]] = {}
    rows, size = 0, 0
    for path, parts in zip(folder.files, folder.parts, strict=True):
        shown = name if len(folder.files) == 1 else str(path)
        try:
            with pq.ParquetFile(path) as file:
                metadata, columns = file.metadata, file.schema_arrow
        except pa.ArrowNotImplementedError as error:
            raise ManifestError([Problem("E007", shown, f"it cannot be read here: {_one_line(error)}")]) from error
        except _DAMAGED as error:
            text = f"not a whole Parquet file (truncated or damaged): {_one_line(error)}"
            raise ManifestError([Problem("E007", shown, text)]) from error
        check_header(shown, [*columns.names, *(key for key in parts if key not in columns.names)])
        for field in columns:
            found.setdefault(field.name, {})[field.type] = None
        rows += metadata.num_rows
        size += sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    for key, kind in folder.columns.items():
        found.setdefault(key, {})[kind] = None
    batch_rows = batch_rows_of(size, rows)
    schema = pa.schema([(column, reduce(common_type, map(storable, kinds))) for column, kinds in found.items()])
    sources = [tuple(kinds) for kinds in found.values()]
    return ArrowManifest(name, schema, sources, rows, lambda: _read_files(folder, batch_rows, schema), folder.remarks)


def _read_files(folder: ParquetFolder, batch_rows: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path, parts in zip(folder.files, folder.parts, strict=True):
        with pq.ParquetFile(path, buffer_size=READ_BUFFER_BYTES, pre_buffer=False) as file:
            # One thread is as fast for a few columns, and leaves 40 MB less behind.
            for batch in _ahead(file.iter_batches(batch_rows, use_threads=False)):
                yield batch if batch.schema.names == schema.names else _with_all(batch, schema, parts)


def _with_all(batch: pa.RecordBatch, schema: pa.Schema, parts: Mapping[str, pa.Scalar]) -> pa.RecordBatch:
    """A batch with the columns of all files: what its own file has not is what its folders say, or null."""
    there = set(batch.schema.names)
    arrays = [
        batch.column(field.name)
        if field.name in there
        else pa.repeat(parts.get(field.name, pa.scalar(None, field.type)), len(batch))
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema.names)


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, each read while the one before it is worked on: Arrow needs no lock of the interpreter."""
    with ThreadPoolExecutor(1, "batchgen-manifest") as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch


def batch_rows_of(size: int, rows: int) -> int:
    return max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, size)))


def _kind(kind: pa.DataType, found: Sequence[pa.DataType | str]) -> Kind:
    """What the cells are of a column that is `kind` now and was `found`."""
    types = pa.types
    if types.is_string(kind) or types.is_null(kind):
        return "text" if all(map(_is_cell, found)) else "other"
    if types.is_integer(kind) or (types.is_decimal(kind) and kind.scale == 0):
        return "integer"
    if types.is_floating(kind):
        return "number"
    return "boolean" if types.is_boolean(kind) else "other"


def _is_cell(kind: pa.DataType | str) -> bool:
    """Whether a value becomes text as people write it."""
    if isinstance(kind, str):
        return False
    return isinstance(kind, pa.UuidType) or not (pa.types.is_nested(kind) or is_text_only(kind))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
