"""Records in the manifest's order: by row, request and image number.

Parts are written in this order, and the view shows all of them in it. `OrderedRecords` reads records of several
parts in their common order, a group at a time, so memory is flat: of each part only what the group needs. The
price: a part that is not in order itself (an older version wrote it) is read more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batchgen.core.keys import NO_KEYS, Keys, Mask
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.index.parts import PartReader, open_part, read_part
from batchgen.dataset.index.schema import conform
from batchgen.store import StoredFile

ORDER_COLUMNS = ("row_number", "request_number", "image_number")
# Rows of a group: few enough that they take some 30 MB, enough that Parquet reads them quickly ever after.
GROUP_ROWS = 32_768

Positions = npt.NDArray[np.uint32]
Ranks = npt.NDArray[np.intp]
# Row, request and image numbers, each in the narrowest type: of ten million records they take 60 MB, and not 240.
Places = tuple[npt.NDArray[np.unsignedinteger[Any]], ...]


@dataclass(frozen=True, slots=True)
class PartRecords:
    """Some records of one part.

    positions: of these records in the part, increasing. places: their row, request and image numbers.
    """

    file: StoredFile
    positions: Positions
    places: Places


def select(file: StoredFile, table: pa.Table, kept: Mask) -> PartRecords:
    """Return the records of a part that are marked in `kept`; `table` has its ORDER_COLUMNS."""
    return PartRecords(file, np.flatnonzero(kept).astype(np.uint32), _places(table, kept))


def sort_records(table: pa.Table) -> pa.Table:
    """Return records in the manifest's order."""
    order = _order([_places(table)], lambda: fingerprint_keys(table["fingerprint"]))
    return table if order is None else table.take(pa.array(order))


class OrderedRecords:
    """Records of some parts in the manifest's order, in groups of `GROUP_ROWS`."""

    def __init__(self, sources: Sequence[PartRecords], opened: ExitStack) -> None:
        """Order the records of `sources`. opened: closes the parts. Raises DamagedIndex, FileNotFoundError."""
        self._sources = sources
        self._opened = opened
        self._readers: dict[int, PartReader] = {}
        self._starts = np.cumsum([0, *(len(source.positions) for source in sources)])
        self._order = _order([source.places for source in sources], self._fingerprints)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def groups(self) -> range:
        """The numbers of the groups."""
        return range(-(-len(self) // GROUP_ROWS))

    def places(self, group: int) -> tuple[npt.NDArray[np.uint16], Positions]:
        """Return where the records of a group are: number of the source, and position in its part."""
        start, end = group * GROUP_ROWS, min(len(self), (group + 1) * GROUP_ROWS)
        ranks = np.arange(start, end) if self._order is None else self._order[start:end]
        numbers = np.searchsorted(self._starts, ranks, side="right") - 1
        positions = np.empty(len(ranks), np.uint32)
        for number in np.unique(numbers).tolist():
            there = numbers == number
            positions[there] = self._sources[number].positions[ranks[there] - self._starts[number]]
        return numbers.astype(np.uint16), positions

    def read(self, group: int, schema: pa.Schema) -> pa.Table:
        """Return the records of a group with the columns of `schema`, null where a part has none."""
        numbers, positions = self.places(group)
        tables, ranks = [], []
        for number in np.unique(numbers).tolist():
            there = np.flatnonzero(numbers == number)
            order = np.argsort(positions[there], kind="stable")
            tables.append(conform(self._reader(number).take(positions[there][order]), schema))
            ranks.append(there[order])
        if not tables:
            return schema.empty_table()
        back = np.argsort(np.concatenate(ranks), kind="stable")
        table = pa.concat_tables(tables)
        ordered = bool((back[1:] > back[:-1]).all())
        return (table if ordered else table.take(pa.array(back))).combine_chunks()

    def tables(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yield all groups, as `read` returns them."""
        for group in self.groups:
            yield self.read(group, schema)

    def _reader(self, number: int) -> PartReader:
        if number not in self._readers:
            self._readers[number] = PartReader(self._sources[number].file, self._opened)
        return self._readers[number]

    def _fingerprints(self) -> Keys:
        """Keys that tell apart records of the same place: several requests were made for it over time."""
        found = []
        for source in self._sources:
            with open_part(source.file) as part:
                found.append(fingerprint_keys(read_part(source.file, part, ["fingerprint"])["fingerprint"]))
        pairs = zip(found, self._sources, strict=True)
        return np.concatenate([NO_KEYS, *(keys[source.positions] for keys, source in pairs)])


def _places(table: pa.Table, kept: Mask | slice = slice(None)) -> Places:
    columns = (table[name].combine_chunks().fill_null(0).to_numpy()[kept] for name in ORDER_COLUMNS)
    return tuple(column.astype(np.min_scalar_type(int(column.max(initial=0)))) for column in columns)


def _order(places: Sequence[Places], tie_breakers: Callable[[], Keys]) -> Ranks | None:
    """The positions of the records of some parts, one after the other, in their order; None if they are in order."""
    keys = _packed(places)
    if (keys[1:] > keys[:-1]).all():
        return None
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]
    if (in_order[1:] == in_order[:-1]).any():
        order = np.lexsort((tie_breakers(), keys))
    return order


def _packed(places: Sequence[Places]) -> Keys:
    """One number a record that sorts as its numbers do, the first before the others."""
    maxima = [[int(column.max(initial=0)) for column in part] for part in places]
    widths = [max(numbers).bit_length() for numbers in zip(*maxima, strict=True)]
    if sum(widths) > 64:
        columns = [np.concatenate(column).astype(np.uint64) for column in zip(*places, strict=True)]
        keys: Keys = np.unique(np.stack(columns), axis=1, return_inverse=True)[1].astype(np.uint64)
        return keys
    keys = np.zeros(sum(len(part[0]) for part in places), np.uint64)
    start = 0
    for part in places:
        room = keys[start : start + len(part[0])]
        for column, width in zip(part, widths, strict=True):
            room <<= np.uint64(width)
            room |= column.astype(np.uint64)
        start += len(room)
    return keys
