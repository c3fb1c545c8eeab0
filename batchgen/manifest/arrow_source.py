"""Parquet files, folders of them and DataFrames as a manifest: columns keep their own types.

Rows are numbered through all files of a folder, in the order of their paths. Batches are sized by
the mean size of a row, so that wide rows do not pile up in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Finding, Problem
from batchgen.manifest.source import BATCH_BYTES, BATCH_ROWS, Cell, Kind, check_header

# A column is read piece by piece: pyarrow's own pre-buffering holds whole row groups (97 MB against 12).
READ_BUFFER_BYTES = 1024 * 1024


# What pyarrow raises for a damaged file; the last for a name of a column that is no UTF-8.
_DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)
_NO_FAULTS: Mapping[int, Finding] = MappingProxyType({})


def open_parquet_file(path: Path, name: str) -> ArrowManifest:
    """Open one Parquet file. Raises ManifestError if it is damaged or its columns cannot be used."""
    return _open_parquet([path], name)


def open_parquet_folder(path: Path, name: str) -> ArrowManifest:
    """Open all Parquet files below a folder as one table.

    Raises:
        ManifestError: there are none, one is damaged, or they do not have the same columns.
    """
    paths = sorted(path.rglob("*.parquet"))
    if not paths:
        text = "the folder has no .parquet files; give a CSV file, a Parquet file or a folder of Parquet files"
        raise ManifestError([Problem("E009", name, text)])
    return _open_parquet(paths, name)


def open_dataframe(frame: object) -> ArrowManifest:
    """Open a pandas DataFrame; its index is left out.

    Raises:
        ManifestError: it is no DataFrame, or a column mixes types that no table can hold.
    """
    import pandas as pd

    name = "DataFrame"
    if not isinstance(frame, pd.DataFrame):
        raise ManifestError(
            [Problem("E006", name, f"expected a path or a pandas DataFrame, not {type(frame).__name__}")]
        )
    columns = [str(column) for column in frame.columns]
    check_header(name, columns)
    try:
        table = pa.Table.from_pandas(frame.set_axis(columns, axis=1), preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeError, OverflowError) as error:
        text = f"a column mixes types: {' '.join(map(str, error.args))}; give each column one type"
        raise ManifestError([Problem("E008", name, text)]) from error
    batch_rows = _batch_rows(table.nbytes, table.num_rows)
    return ArrowManifest(name, _bare(table.schema), table.num_rows, lambda: iter(table.to_batches(batch_rows)))


@dataclass(frozen=True, slots=True)
class ArrowManifest:
    """A table whose columns were found usable."""

    name: str
    schema: pa.Schema
    row_count: int
    batches: Callable[[], Iterator[pa.RecordBatch]]

    @property
    def columns(self) -> Sequence[str]:
        """The column names."""
        return tuple(self.schema.names)

    @property
    def kinds(self) -> Sequence[Kind]:
        """What the cells of each column are."""
        return tuple(_kind(column.type) for column in self.schema)

    def type_name(self, index: int) -> str:
        """Arrow's name of the type."""
        return str(self.schema.field(index).type)

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
        array = _cast(self.batch.column(index), self.manifest.schema.field(index).type)
        try:
            return cast("list[Cell]", array.to_pylist())
        except UnicodeDecodeError:
            # Arrow does not look inside strings; bytes that are none are marked as in a CSV file.
            cells = array.cast(pa.large_binary()).to_pylist()
            return [cell and cell.decode("utf-8", "surrogateescape") for cell in cells]

    def raw(self, row: int) -> str:
        """Nothing: no row has a fault."""
        return ""

    def place(self, row: int, column: int | None) -> tuple[int, int]:
        """Number of the row and of the column."""
        return self.first_row_number + row + 1, 1 if column is None else column + 1

    def select(self, columns: Sequence[int]) -> pa.RecordBatch:
        """These columns, with their own types."""
        schema = self.manifest.select(columns)
        arrays = [_cast(self.batch.column(column), kind.type) for column, kind in zip(columns, schema, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _open_parquet(paths: Sequence[Path], name: str) -> ArrowManifest:
    schema, rows, size = None, 0, 0
    for path in paths:
        shown = name if len(paths) == 1 else str(path)
        try:
            with pq.ParquetFile(path) as file:
                metadata, found = file.metadata, _bare(file.schema_arrow)
        except _DAMAGED as error:
            text = f"not a whole Parquet file (truncated or damaged): {_one_line(error)}"
            raise ManifestError([Problem("E007", shown, text)]) from error
        if schema is None:
            schema = found
            check_header(shown, schema.names)
        elif schema != found:
            text = f"its columns or their types differ from those of {paths[0]}: {_difference(schema, found)}"
            raise ManifestError([Problem("E009", shown, text)])
        rows += metadata.num_rows
        size += sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    batch_rows = _batch_rows(size, rows)
    return ArrowManifest(name, schema, rows, lambda: _read_files(paths, batch_rows))


def _read_files(paths: Sequence[Path], batch_rows: int) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with pq.ParquetFile(path, buffer_size=READ_BUFFER_BYTES, pre_buffer=False) as file:
            # One thread is as fast for a few columns, and leaves 40 MB less behind.
            yield from _ahead(file.iter_batches(batch_rows, use_threads=False))


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, each read while the one before it is worked on: Arrow needs no lock of the interpreter."""
    with ThreadPoolExecutor(1, "batchgen-manifest") as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch


def _batch_rows(size: int, rows: int) -> int:
    return max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, size)))


def _bare(schema: pa.Schema) -> pa.Schema:
    """The schema as it goes on: no metadata, dictionaries decoded, strings for views and where all is null.

    Arrow cannot choose rows of a view.
    """
    return pa.schema([pa.field(column.name, _bare_type(column.type)) for column in schema])


def _bare_type(kind: Any) -> Any:
    if pa.types.is_null(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    return _bare_type(kind.value_type) if pa.types.is_dictionary(kind) else kind


def _cast(array: pa.Array, kind: Any) -> pa.Array:
    return array if array.type == kind else array.cast(kind)


def _kind(kind: Any) -> Kind:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "number"
    return "boolean" if pa.types.is_boolean(kind) else "other"


def _difference(first: pa.Schema, other: pa.Schema) -> str:
    left, right = ({f"{column.name} ({column.type})" for column in schema} for schema in (first, other))
    return ", ".join(sorted(left ^ right)) or "the order of the columns"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
