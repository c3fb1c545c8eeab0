"""Reads a dataset without a lock, also while a run is writing it: the newest record of every slot.

A reader takes the WAL first and the parts second, and holds all parts open before it reads the
first. So a segment that is sealed meanwhile is seen twice and counted once, and a part that is
merged away meanwhile stays readable.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from os import PathLike
from typing import BinaryIO

import pyarrow as pa

from batchgen.core.errors import DatasetError, NotADataset
from batchgen.core.keys import Finder, Keys, Mask, first_of_each
from batchgen.dataset.index.keys import SLOT_COLUMNS, fingerprint_keys, slot_keys
from batchgen.dataset.index.parts import open_file, opened_part, read_part
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, to_table
from batchgen.dataset.layout import Layout, layout_at
from batchgen.dataset.wal.recovery import unsealed_records
from batchgen.store import StoredFile

# The files may move under a reader a few times, when a run ends just now; not forever.
_TRIES = 5


def open_layout(place: str | PathLike[str]) -> Layout:
    """Return the layout of an existing dataset. Raises NotADataset."""
    layout = layout_at(place)
    if not layout.is_dataset():
        message = f"{layout.store} holds no dataset. Give the folder that `batchgen run MANIFEST -o FOLDER` wrote."
        raise NotADataset(message)
    return layout


def latest(
    layout: Layout, columns: Sequence[str] | None, of: Keys | None = None, without: Container[StoredFile] = ()
) -> Iterator[pa.Table]:
    """Yield the newest record of every slot, newest part first.

    columns: those of the index to read; None for all there are, also the manifest's own, which differ between
    tables. of: sorted keys of the requests to read; None for all. without: parts that are passed over.
    Raises DamagedIndex.
    """
    wanted = None if of is None else Finder(of)
    with ExitStack() as opened:
        pieces = snapshot(layout, opened, without)
        for piece, newest in zip(pieces, _newest(pieces), strict=True):
            if wanted is not None:
                newest &= wanted.contains(fingerprint_keys(piece.read(SLOT_COLUMNS)["fingerprint"]))
            if newest.any():
                table = piece.read(columns)
                yield table if newest.all() else table.filter(pa.array(newest))


@dataclass(frozen=True, slots=True)
class _Wal:
    table: pa.Table

    def read(self, columns: Sequence[str] | None) -> pa.Table:
        return self.table if columns is None else self.table.select(list(columns))


@dataclass(frozen=True, slots=True)
class _Part:
    file: StoredFile
    opened: BinaryIO

    def read(self, columns: Sequence[str] | None) -> pa.Table:
        # Opened for each reading: a ParquetFile keeps its footer, and some MB of what it has read.
        with opened_part(self.file, self.opened) as part:
            table = read_part(self.file, part, columns)
        if columns is None:
            return table
        if len(columns) == table.num_columns:
            return table.select(list(columns))
        # Another version of batchgen wrote fewer.
        return conform(table, pa.schema([INDEX_SCHEMA.field(name) for name in columns]))


Piece = _Wal | _Part


def snapshot(layout: Layout, opened: ExitStack, without: Container[StoredFile] = ()) -> list[Piece]:
    """The WAL and the parts as they are together at one moment, newest first; `opened` keeps them open.

    Raises DamagedIndex.
    """
    for _ in range(_TRIES):
        try:
            wal = _Wal(_read_wal(layout))
            with ExitStack() as trial:
                files = [file for file in reversed(layout.parts().values()) if file not in without]
                parts = [_Part(file, trial.enter_context(open_file(file))) for file in files]
                opened.push(trial.pop_all())
        except FileNotFoundError:
            continue
        return [wal, *parts]
    raise DatasetError(f"{layout.store} is changing too fast to be read. Try again in a moment.")


def _read_wal(layout: Layout) -> pa.Table:
    return to_table(unsealed_records(layout))


def _newest(pieces: Sequence[Piece]) -> list[Mask]:
    return first_of_each([slot_keys(piece.read(SLOT_COLUMNS)) for piece in pieces])
