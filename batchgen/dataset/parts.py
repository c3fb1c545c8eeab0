"""The index parts: immutable Parquet files, the higher number the newer.

Where two parts speak of the same slot, the newer one is right. So a crash between writing a merged
part and removing what went into it is harmless. After a merge every slot has one record. Merging
is geometric: a small addition never rewrites a large part, unless it replaces records of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.dataset import disk
from batchgen.dataset.errors import DamagedIndex, DiskError
from batchgen.dataset.keys import SLOT_COLUMNS, Keys, Mask, first_of_each, slot_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.schema import DISTINCT_COLUMNS, conform, unify

# A part is merged with its newer neighbours while it is not much larger than they are together:
# each record is then rewritten a logarithmic number of times.
_GROWTH = 4
# Up to here a dataset has one part: rewriting this much takes a fraction of a second.
_SMALL_ROWS = 50_000
# Merging holds its parts in memory: half a million records are some 300 MB of it.
_MAX_MERGED_ROWS = 500_000
# Rows that are read and written at a time when a large part is rewritten or read.
_BATCH_ROWS = 32_768


def open_part(path: Path, file: pa.NativeFile | None = None) -> pq.ParquetFile:
    """Open a part; `file` if it is open already, and stays so.

    Raises DamagedIndex if it is no readable Parquet file, FileNotFoundError if it is gone.
    """
    try:
        return pq.ParquetFile(path if file is None else file, page_checksum_verification=True)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def read_part(path: Path, part: pq.ParquetFile, columns: Sequence[str] | None) -> pa.Table:
    """Read columns of an open part, None for all. Raises DamagedIndex."""
    try:
        return part.read(columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def iterate(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield a part's records in batches. Raises DamagedIndex, FileNotFoundError."""
    with open_part(path) as part:
        batches = part.iter_batches(_BATCH_ROWS)
        missing = int(part.metadata.num_rows)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(path, error) from error
            if batch is None:
                break
            missing -= len(batch)
            yield batch
        if missing:  # a damaged column ends early, and pyarrow says nothing
            raise _unreadable(path, ValueError(f"{missing:,} records are missing"))


def write_part(layout: Layout, number: int, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    """Write a part, whole or not at all. Raises OSError."""
    temporary = layout.temporary / f"part-{number:08d}.parquet"
    write_parquet(temporary, tables, schema)
    disk.publish(temporary, layout.part(number))


def write_parquet(path: Path, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    """Write tables of one schema as a Parquet file and make its bytes durable. Raises OSError."""

    def write(target: Path) -> None:
        with open_writer(target, schema) as writer:
            for table in tables:
                writer.write_table(table)

    disk.write_with(path, write)


def open_writer(
    target: Path | pa.NativeFile, schema: pa.Schema, described: list[Any] | None = None
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


def merge(layout: Layout) -> None:
    """Merge the newest parts that are small, and drop what newer parts replace from older ones.

    Raises DamagedIndex, OSError.
    """
    paths = layout.parts()
    if len(paths) < 2:
        return
    tail = _mergeable({number: _row_count(path) for number, path in paths.items()})
    if len(tail) > 1:
        merged = _latest(pa.concat_tables(_read_all([paths[number] for number in tail])))
        write_part(layout, max(paths), iter([merged]), merged.schema)
        for number in tail[:-1]:
            disk.remove(paths[number])
    _drop_replaced(layout)


def _unreadable(path: Path, error: Exception) -> DamagedIndex | DiskError:
    if isinstance(error, OSError) and error.errno is not None:
        return DiskError(f"cannot read {path}: {error.strerror}")
    folder = path.parent.parent
    return DamagedIndex(f"{path} is damaged ({error}). `batchgen verify {folder} --repair` puts right what can be.")


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
            tables.append(read_part(path, part, None))
    schema = unify([table.schema for table in tables])
    return [conform(table, schema) for table in tables]


def _latest(table: pa.Table) -> pa.Table:
    """Keep the last record of each slot, in order."""
    (kept,) = first_of_each([slot_keys(table)[::-1]])
    return table if kept.all() else table.filter(pa.array(kept[::-1]))


def _drop_replaced(layout: Layout) -> None:
    paths = dict(reversed(layout.parts().items()))
    if len(paths) < 2:
        return
    for path, kept in zip(paths.values(), first_of_each(list(map(_keys_in, paths.values()))), strict=True):
        if not kept.any():
            disk.remove(path)
        elif not kept.all():
            _rewrite(layout, path, kept)


def _keys_in(path: Path) -> Keys:
    with open_part(path) as part:
        return slot_keys(read_part(path, part, SLOT_COLUMNS))


def _rewrite(layout: Layout, path: Path, kept: Mask) -> None:
    """Rewrite a part with only the records that are marked."""
    with open_part(path) as part:
        schema = part.schema_arrow

    def rows() -> Iterator[pa.Table]:
        start = 0
        for batch in iterate(path):
            wanted = kept[start : start + len(batch)]
            start += len(batch)
            yield pa.Table.from_batches([batch.filter(pa.array(wanted))])

    temporary = layout.temporary / path.name
    write_parquet(temporary, rows(), schema)
    disk.publish(temporary, path)
