"""Reads a dataset without a lock, also while a run is writing it: the newest record of every slot.

A reader takes the ledger first and the parts second, and holds all parts open before it reads the
first. So a segment that is sealed meanwhile is seen twice and counted once, and a part that is
merged away meanwhile stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.dataset.errors import DamagedIndex, NotADataset
from batchgen.dataset.layout import Layout
from batchgen.dataset.parts import Keys, open_part, slot_keys
from batchgen.dataset.recovery import unsealed_records
from batchgen.dataset.schema import to_table

# The files may move under a reader a few times, when a run ends just now; not forever.
_TRIES = 5


def open_layout(root: Path) -> Layout:
    """Return the layout of an existing dataset. Raises NotADataset."""
    layout = Layout(root)
    if not layout.is_dataset():
        message = f"{root} holds no dataset. Give the folder that `batchgen run MANIFEST -o FOLDER` wrote."
        raise NotADataset(message)
    return layout


def latest(layout: Layout, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the newest record of every slot, newest part first, with the given index columns.

    Raises DamagedIndex.
    """
    needed = list(dict.fromkeys([*columns, "fingerprint", "image_number"]))
    with ExitStack() as opened:
        ledger, parts = _snapshot(layout, opened)
        seen: Keys = np.empty(0, np.uint64)
        for table in [ledger.select(needed), *(_Lazy(part, needed) for part in parts)]:
            fresh, seen = _unseen(table.read() if isinstance(table, _Lazy) else table, seen)
            yield fresh.select(list(columns))


class _Lazy:
    def __init__(self, part: pq.ParquetFile, columns: list[str]) -> None:
        self._part = part
        self._columns = columns

    def read(self) -> pa.Table:
        try:
            return self._part.read(columns=self._columns)
        except (pa.ArrowException, OSError) as error:
            raise DamagedIndex(f"a part of the index is damaged ({error})") from error


def _snapshot(layout: Layout, opened: ExitStack) -> tuple[pa.Table, list[pq.ParquetFile]]:
    for attempt in range(_TRIES):
        try:
            ledger = to_table(unsealed_records(layout), b"")
            with ExitStack() as trial:
                parts = [trial.enter_context(open_part(path)) for path in reversed(layout.parts().values())]
                opened.push(trial.pop_all())
        except FileNotFoundError:
            if attempt == _TRIES - 1:
                raise
            continue
        return ledger, parts
    raise AssertionError


def _unseen(table: pa.Table, seen: Keys) -> tuple[pa.Table, Keys]:
    keys = slot_keys(table)
    fresh = ~np.isin(keys, seen)
    if not fresh.all():
        table = table.filter(pa.array(fresh))
    return table, np.concatenate((seen, keys[fresh]))
