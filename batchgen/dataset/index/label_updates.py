"""Brings the labels of earlier runs' records up to date with the manifest, and with them row number and line.

Only parts in which something differs are rewritten. Memory is flat: parts are looked at a million records at a time,
and of the updates only what concerns these is held. The price: the updates are read once for each million.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batchgen.core.keys import Finder, Keys, Mask
from batchgen.core.label_types import as_type
from batchgen.core.labels import LabelBatch, LabelUpdates
from batchgen.dataset.index.cell_labels import added_schema
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.index.order import ORDER_COLUMNS, OrderedRecords, select
from batchgen.dataset.index.parts import open_part, read_part, replace_part, row_count, schema_of
from batchgen.dataset.index.parts_list import renumbered
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import Layout
from batchgen.store import StoredFile

_ROWS_AT_ONCE = 1_000_000
_PLACE_COLUMNS = ("row_number", "line")
_KEY = "batchgen key"


def update_labels(layout: Layout, updates: LabelUpdates) -> None:
    """Let the index have the labels that the manifest has today. Raises DamagedIndex, DiskError, OSError."""
    if next(updates.batches(), None) is None:
        return
    places = ((name, pa.int64()) for name in _PLACE_COLUMNS)
    schema = pa.schema([(_KEY, pa.uint64()), *places, *added_schema(layout, updates.schema, updates.cell_types)])
    for files in _groups(layout):
        keys = {number: _keys(file) for number, file in files.items()}
        today = _of(updates, Finder(np.sort(np.concatenate([*keys.values()]))), schema)
        for number, file in files.items():
            _update(layout, number, file, keys[number], today)


def _groups(layout: Layout) -> Iterator[dict[int, StoredFile]]:
    group: dict[int, StoredFile] = {}
    rows = 0
    for number, file in layout.parts().items():
        count = row_count(file)
        if group and rows + count > _ROWS_AT_ONCE:
            yield group
            group, rows = {}, 0
        group[number] = file
        rows += count
    if group:
        yield group


def _keys(file: StoredFile) -> Keys:
    with open_part(file) as part:
        return fingerprint_keys(read_part(file, part, ["fingerprint"])["fingerprint"])


def _of(updates: LabelUpdates, wanted: Finder, schema: pa.Schema) -> pa.Table:
    """The updates of these requests, sorted by key, as columns of the index beside the key."""
    pieces = [schema.empty_table()]
    for batch in updates.batches():
        hit = wanted.contains(batch.keys)
        if hit.any():
            pieces.append(_table(batch, schema).filter(pa.array(hit)))
    table = pa.concat_tables(pieces).combine_chunks()
    keys, first = np.unique(table[_KEY].to_numpy(), return_index=True)
    return table if len(keys) == len(table) and (np.diff(first) > 0).all() else table.take(pa.array(first))


def _table(batch: LabelBatch, schema: pa.Schema) -> pa.Table:
    labels = map(as_type, batch.labels.columns, schema.types[1 + len(_PLACE_COLUMNS) :])
    columns = [pa.array(batch.keys), pa.array(batch.row_numbers), pa.array(batch.lines), *labels]
    return pa.Table.from_arrays(columns, schema=schema)


def _update(layout: Layout, number: int, file: StoredFile, keys: Keys, today: pa.Table) -> None:
    """Rewrite a part if it says something else than `today`."""
    sorted_keys = today[_KEY].to_numpy()
    found = Finder(sorted_keys).contains(keys)
    if not found.any():
        return
    at = np.searchsorted(sorted_keys, keys)
    own = [name for name in schema_of(file).names if name not in INDEX_SCHEMA.names]
    labels = today.column_names[1 + len(_PLACE_COLUMNS) :]
    with open_part(file) as part:
        before = read_part(file, part, [*ORDER_COLUMNS, "line", *own])
    names = dict.fromkeys((*_PLACE_COLUMNS, *own, *labels))
    columns = {name: _merged(name, before, today, at, found) for name in names}
    changed = {
        name: column
        for name, column in columns.items()
        if (not column.equals(before[name]) if name in before.column_names else column.null_count < len(column))
    }
    if changed:
        _rewrite(layout, number, file, before, changed)


def _merged(name: str, before: pa.Table, today: pa.Table, at: npt.NDArray[np.intp], found: Mask) -> pa.ChunkedArray:
    """A column with today's values where there are any, null where the manifest has no such column any more."""
    places = np.arange(len(before))
    if name not in today.column_names:
        return before[name].take(pa.array(places, mask=found))
    new = today.select([name])
    if name not in before.column_names:
        return new[name].take(pa.array(at, mask=~found))
    if found.all():
        return new[name].take(pa.array(at))
    old = before.select([name])
    schema = unify([new.schema, old.schema])
    both = pa.concat_tables([conform(old, schema), conform(new, schema)])
    return both[name].take(pa.array(np.where(found, len(old) + at, places)))


def _rewrite(
    layout: Layout,
    number: int,
    file: StoredFile,
    before: pa.Table,
    changed: Mapping[str, pa.ChunkedArray],
) -> None:
    """Write a part anew with some other columns, in the order that follows from them."""
    schema = schema_of(file)
    unchanged = pa.schema([field for field in schema if field.name not in changed])
    for name, column in changed.items():
        index = schema.get_field_index(name)
        field = pa.field(name, column.type)
        schema = schema.append(field) if index < 0 else schema.set(index, field)
    places = [changed.get(name, before[name]) for name in ORDER_COLUMNS]
    source = select(file, pa.table(places, list(ORDER_COLUMNS)), np.ones(len(before), np.bool_))

    def tables() -> Iterator[pa.Table]:
        for group in records.groups:
            table = records.read(group, unchanged)
            taken = pa.array(records.places(group)[1])
            for name, column in changed.items():
                table = table.append_column(name, column.take(taken))
            yield table.select(schema.names)

    with ExitStack() as opened, renumbered(layout, number):
        records = OrderedRecords([source], opened)
        replace_part(layout, number, tables(), schema)
