"""The index parts: immutable Parquet files, the higher number the newer.

Where two parts speak of the same slot, the newer one is right, and it is complete by itself. So a
crash between writing a merged part and removing what went into it is harmless. Merging is
geometric: a small addition never rewrites a large part, unless it replaces records of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.dataset import disk
from batchgen.dataset.errors import DamagedIndex
from batchgen.dataset.layout import Layout
from batchgen.dataset.schema import conform, unify

# A part is merged with its newer neighbours while it is not much larger than they are together:
# each record is then rewritten a logarithmic number of times.
_GROWTH = 4
# Up to here a dataset has one part: rewriting this much takes a fraction of a second.
_SMALL_ROWS = 50_000
# Merging holds its parts in memory: half a million records are some 300 MB of it.
_MAX_MERGED_ROWS = 500_000
# Rows that are read and written at a time when a large part is rewritten or read.
BATCH_ROWS = 32_768

Keys = npt.NDArray[np.uint64]


def open_part(path: Path) -> pq.ParquetFile:
    """Open a part. Raises DamagedIndex if it is no readable Parquet file, FileNotFoundError if it is gone."""
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        message = f"{path} is damaged ({error}). Run `batchgen verify` on the dataset to see what is affected."
        raise DamagedIndex(message) from error


def iterate(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield a part's records in batches. Raises DamagedIndex, FileNotFoundError."""
    with open_part(path) as part:
        try:
            yield from part.iter_batches(BATCH_ROWS, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise DamagedIndex(f"{path} is damaged ({error}).") from error


def write_part(layout: Layout, number: int, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    """Write a part, whole or not at all."""
    temporary = layout.temporary / f"part-{number:08d}.parquet"
    write_parquet(temporary, tables, schema)
    disk.publish(temporary, layout.part(number))


def write_parquet(path: Path, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    """Write tables of one schema as a Parquet file and make its bytes durable."""

    def write(target: Path) -> None:
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)

    disk.write_with(path, write)


def merge(layout: Layout, replaced: Collection[int]) -> None:
    """Merge the newest parts that are small, and drop superseded records from the parts numbered in `replaced`."""
    paths = layout.parts()
    if not paths:
        return
    newest = max(paths)
    tail = _mergeable({number: _row_count(path) for number, path in paths.items()})
    outdated = set(replaced) & paths.keys() - set(tail)
    if len(tail) == 1 and not outdated:
        return
    merged = _latest(pa.concat_tables(_read_all([paths[number] for number in tail])))
    if len(tail) > 1:
        write_part(layout, newest, iter([merged]), merged.schema)
        for number in tail[:-1]:
            disk.remove(paths[number])
    keys = np.sort(slot_keys(merged))
    for number in sorted(outdated):
        _drop(layout, number, keys)


def slot_keys(table: pa.Table | pa.RecordBatch) -> Keys:
    """Return a 64-bit key for each record's slot, from its fingerprint and image number."""
    numbers: Keys = table.column("image_number").to_numpy().astype(np.uint64)
    return fingerprint_keys(table.column("fingerprint")) + numbers


def fingerprint_keys(column: pa.Array | pa.ChunkedArray) -> Keys:
    """Return the first 64 bits of fingerprints that are given as 32 hex digits.

    Sixty-four bits tell ten million requests apart with a chance of error of one in 200,000.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if len(column) == 0:
        return np.empty(0, np.uint64)
    _, _, data = column.buffers()
    text = np.frombuffer(data, np.uint8, len(column) * 32, column.offset * 32).reshape(-1, 32)[:, :16]
    digits = _HEX_VALUE[text]
    packed = (digits[:, 0::2] << 4) | digits[:, 1::2]
    return np.ascontiguousarray(packed).view(">u8").ravel().astype(np.uint64)


_HEX_VALUE = np.zeros(256, np.uint8)
_HEX_VALUE[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16, dtype=np.uint8)


def _row_count(path: Path) -> int:
    with open_part(path) as part:
        return int(part.metadata.num_rows)


def _mergeable(rows: dict[int, int]) -> list[int]:
    """The newest part, and its older neighbours as far as merging them is worth it."""
    numbers = sorted(rows, reverse=True)
    tail, total = [numbers[0]], rows[numbers[0]]
    for number in numbers[1:]:
        small = total + rows[number] <= _SMALL_ROWS
        if not small and (rows[number] > _GROWTH * total or total + rows[number] > _MAX_MERGED_ROWS):
            break
        tail.append(number)
        total += rows[number]
    return tail[::-1]


def _read_all(paths: Sequence[Path]) -> list[pa.Table]:
    tables = []
    for path in paths:
        with open_part(path) as part:
            tables.append(part.read())
    schema = unify([table.schema for table in tables])
    return [conform(table, schema) for table in tables]


def _latest(table: pa.Table) -> pa.Table:
    """Keep the last record of each slot, in order."""
    keys = slot_keys(table)
    _, first_from_end = np.unique(keys[::-1], return_index=True)
    if len(first_from_end) == len(keys):
        return table
    return table.take(pa.array(np.sort(len(keys) - 1 - first_from_end)))


def _drop(layout: Layout, number: int, superseded: Keys) -> None:
    """Rewrite a part without the records of the given slots (sorted keys)."""
    path = layout.part(number)
    with open_part(path) as part:
        schema = part.schema_arrow

    def kept() -> Iterator[pa.Table]:
        for batch in iterate(path):
            positions = np.searchsorted(superseded, keys := slot_keys(batch))
            found = superseded[np.minimum(positions, len(superseded) - 1)] == keys
            yield pa.Table.from_batches([batch.filter(pa.array(~found))])

    write_part(layout, number, kept(), schema)
