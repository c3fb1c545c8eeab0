"""One schema for all parts, so that a reader of `index/*.parquet` finds no types or columns that differ.

A part that is added has the columns of those that are there. Where it brings another type or column, they are written
anew first: all of them say the same with the wider schema, so a crash in between is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np
import pyarrow as pa

from batchgen.core.cell_types import is_read
from batchgen.core.keys import Mask
from batchgen.dataset.index.cell_labels import type_of_all
from batchgen.dataset.index.order import ORDER_COLUMNS, OrderedRecords, select
from batchgen.dataset.index.parts import (
    is_own,
    iterate,
    open_part,
    read_part,
    replace_part,
    row_count,
    schema_of,
    stored_schema_of,
    write_part,
)
from batchgen.dataset.index.parts_list import list_part, renumbered
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import Layout
from batchgen.store import StoredFile


def add_part(layout: Layout, number: int, table: pa.Table) -> None:
    """Write records, which are in the manifest's order, as a part. Raises DamagedIndex, OSError."""
    files = layout.parts()
    files.pop(number, None)
    wanted = unify([INDEX_SCHEMA, *map(schema_of, files.values()), table.schema])
    _align(layout, files, wanted)
    write_part(layout, number, iter([conform(table, wanted)]), wanted)
    list_part(layout, number, len(table))


def align(layout: Layout, labels: pa.Schema | None = None) -> None:
    """Give all parts one schema.

    Args:
        layout: The dataset's.
        labels: The manifest's own columns as the index has them; any other that is null in every part is left out.

    Raises:
        DamagedIndex, OSError.
    """
    files = layout.parts()
    wanted = unify([INDEX_SCHEMA, *map(schema_of, files.values())])
    if labels is not None:
        others = set(wanted.names).difference(INDEX_SCHEMA.names, labels.names)
        empty = {name for name in others if all(_is_empty(file, name) for file in files.values())}
        wanted = pa.schema([field for field in wanted if field.name not in empty])
    _align(layout, files, wanted)


def narrow(layout: Layout, labels: pa.Schema) -> None:
    """Let text columns of the index have the types of these labels, where all their text can be read so.

    Raises DamagedIndex, OSError.
    """
    files = layout.parts()
    wanted = unify([INDEX_SCHEMA, *map(schema_of, files.values())])
    for label in labels:
        place = wanted.get_field_index(label.name)
        if is_read(label.type) and place >= 0 and pa.types.is_string(wanted.types[place]):
            wanted = wanted.set(place, label.with_type(type_of_all(files.values(), label.name, label.type)))
    _align(layout, files, wanted)


def adopt(layout: Layout) -> None:
    """Write the parts anew that another program wrote: so what cannot be read of them is told now, and not at the end.

    Raises:
        DamagedIndex, OSError.
    """
    for number, file in layout.parts().items():
        if not is_own(file):
            for _ in iterate(file):
                pass  # every value of it is looked at
            rewrite(layout, number, [file], [np.ones(row_count(file), np.bool_)], schema_of(file))


def rewrite(layout: Layout, number: int, files: Sequence[StoredFile], kept: Sequence[Mask], schema: pa.Schema) -> None:
    """Write a part in place of one, of the records of some that are marked, with this schema.

    Raises DamagedIndex, OSError.
    """
    sources = []
    for file, mask in zip(files, kept, strict=True):
        with open_part(file) as part:
            sources.append(select(file, read_part(file, part, ORDER_COLUMNS), mask))
    with ExitStack() as opened, renumbered(layout, number):
        replace_part(layout, number, OrderedRecords(sources, opened).tables(schema), schema)


def _align(layout: Layout, files: Mapping[int, StoredFile], wanted: pa.Schema) -> None:
    for number, file in files.items():
        if not stored_schema_of(file).equals(wanted):
            rewrite(layout, number, [file], [np.ones(row_count(file), np.bool_)], wanted)


def _is_empty(file: StoredFile, column: str) -> bool:
    with open_part(file) as part:
        if column not in part.schema_arrow.names:
            return True
        found = read_part(file, part, [column])[column]
    return bool(found.null_count == len(found))
