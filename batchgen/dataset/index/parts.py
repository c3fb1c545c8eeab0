"""The index parts: immutable Parquet files, the higher number the newer.

Where two parts speak of the same slot, the newer one is right. So a crash between writing a merged
part and removing what went into it is harmless. After a merge every slot has one record. Merging
is geometric: a small addition never rewrites a large part, unless it replaces records of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import DamagedIndex, DiskError
from batchgen.core.keys import Keys, Mask, first_of_each
from batchgen.dataset.index.keys import SLOT_COLUMNS, slot_keys
from batchgen.dataset.index.schema import DISTINCT_COLUMNS, conform, unify
from batchgen.dataset.layout import Layout, part_name

# A part is merged with its newer neighbours while it is not much larger than they are together:
# each record is then rewritten a logarithmic number of times.
_GROWTH = 4
# Up to here a dataset has one part: rewriting this much takes a fraction of a second.
_SMALL_ROWS = 50_000
# To write half a million records takes a few seconds, in which the sealing of others waits.
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


def open_file(path: Path) -> pa.NativeFile:
    """Open a part's file, for `open_part`. Raises DiskError, FileNotFoundError if it is gone."""
    try:
        return pa.OSFile(str(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DiskError(f"cannot read {path}: {error.strerror or error}") from error


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
    with layout.store.put_stream(part_name(number)) as file, open_writer(file, schema) as writer:
        for table in tables:
            writer.write_table(table)


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


def merge(layout: Layout) -> None:
    """Merge the newest parts that are small, and drop what newer parts replace from older ones.

    Raises DamagedIndex, OSError.
    """
    paths = layout.parts()
    if len(paths) < 2:
        return
    tail = _mergeable({number: _row_count(path) for number, path in paths.items()})
    if len(tail) > 1:
        sources = [paths[number] for number in tail]
        schema = unify([_schema(path) for path in sources])
        write_part(layout, max(paths), _newest(sources, schema), schema)
        for number in tail[:-1]:
            layout.store.remove(part_name(number))
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


def _schema(path: Path) -> pa.Schema:
    with open_part(path) as part:
        return part.schema_arrow


def _newest(paths: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """The last record of each slot, in order."""
    backwards = first_of_each([_keys_in(path)[::-1] for path in reversed(paths)])
    waiting: list[pa.Table] = []
    for path, kept in zip(paths, reversed(backwards), strict=True):
        for table in _marked(path, kept[::-1]):
            waiting.append(conform(table, schema))
            if sum(map(len, waiting)) >= _BATCH_ROWS:  # a few records each would be read slowly ever after
                yield pa.concat_tables(waiting)
                waiting.clear()
    if waiting:
        yield pa.concat_tables(waiting)


def _marked(path: Path, kept: Mask) -> Iterator[pa.Table]:
    """The records of a part that are marked."""
    start = 0
    for batch in iterate(path):
        wanted = kept[start : start + len(batch)]
        start += len(batch)
        yield pa.Table.from_batches([batch if wanted.all() else batch.filter(pa.array(wanted))])


def _drop_replaced(layout: Layout) -> None:
    paths = dict(reversed(layout.parts().items()))
    if len(paths) < 2:
        return
    for (number, path), kept in zip(paths.items(), first_of_each(list(map(_keys_in, paths.values()))), strict=True):
        if not kept.any():
            layout.store.remove(part_name(number))
        elif not kept.all():  # only the records that are marked stay
            write_part(layout, number, _marked(path, kept), _schema(path))


def _keys_in(path: Path) -> Keys:
    with open_part(path) as part:
        return slot_keys(read_part(path, part, SLOT_COLUMNS))
