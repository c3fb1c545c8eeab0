"""Tables of Arrow as a manifest, and Parquet files and folders of them: columns keep their own types.

What no index can hold is text from here on (`core.label_types`); files of a folder whose types differ are read as
one type, a column that some of them have not is null in those. Rows are numbered through all files of a folder, in
the order of their paths. Batches are sized by the mean size of a row, so that wide rows do not pile up in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import ManifestError
from batchgen.core.label_types import common_type, storable
from batchgen.core.problems import Problem
from batchgen.manifest.parquet_folder import ParquetFolder, list_parquet_folder
from batchgen.manifest.source import BATCH_BYTES, BATCH_ROWS, check_header
from batchgen.manifest.typed import TypedChunk, TypedManifest

# A column is read piece by piece: pyarrow's own pre-buffering holds whole row groups (97 MB against 12).
READ_BUFFER_BYTES = 1024 * 1024


# What pyarrow raises for a damaged file; the last for a name of a column that is no UTF-8.
_DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)


def open_parquet_file(path: Path, name: str, prompt: str = "prompt") -> ArrowManifest:
    """Open one Parquet file. Raises ManifestError if it is damaged or its columns cannot be used."""
    return _open_parquet(ParquetFolder([path], [{}], {}, ()), name, prompt)


def open_parquet_folder(path: Path, name: str, prompt: str = "prompt") -> ArrowManifest:
    """Open all Parquet files below a folder as one table.

    Raises:
        ManifestError: there are none, one is damaged, or its columns cannot be used.
    """
    return _open_parquet(list_parquet_folder(path, name), name, prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowManifest(TypedManifest):
    """Batches of Arrow that can be read again.

    batches: columns in the order of `schema`, of any types of `sources`. lines: those of the rows; None if row n is
    line n.
    """

    batches: Callable[[], Iterator[pa.RecordBatch]]
    lines: Sequence[int] | None = None

    def chunks(self) -> Iterator[TypedChunk]:
        """Read the rows from the start."""
        row_number = 0
        try:
            for batch in self.batches():
                if batch.num_rows:
                    end = row_number + batch.num_rows
                    lines = range(row_number + 1, end + 1) if self.lines is None else self.lines[row_number:end]
                    yield TypedChunk(self, batch, row_number, lines)
                    row_number = end
        except _DAMAGED as error:
            text = f"the file is damaged after row {row_number:,}: {_one_line(error)}; write it again"
            raise ManifestError([Problem("E007", self.name, text, row_number + 1, 1)]) from error


def _open_parquet(folder: ParquetFolder, name: str, prompt: str) -> ArrowManifest:
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
        check_header(shown, [*columns.names, *(key for key in parts if key not in columns.names)], prompt)
        for field in columns:
            found.setdefault(field.name, {})[field.type] = None
        rows += metadata.num_rows
        size += sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    for key, kind in folder.columns.items():
        found.setdefault(key, {})[kind] = None
    batch_rows = batch_rows_of(size, rows)
    schema = pa.schema([(column, reduce(common_type, map(storable, kinds))) for column, kinds in found.items()])
    sources = [tuple(kinds) for kinds in found.values()]
    batches = partial(_read_files, folder, batch_rows, schema)
    return ArrowManifest(name, schema, sources, rows, folder.remarks, batches=batches)


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


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
