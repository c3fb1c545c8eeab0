"""One schema for all parts, so that whoever reads `index/*.parquet` at once finds no types or columns that differ.

A part that is added has the columns of those that are there. Where it brings another type or column, they are written
anew first: all of them say the same with the wider schema, so a crash in between is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

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
    row_count,
    schema_of,
    stored_schema_of,
    write_part,
)
from batchgen.dataset.index.parts_list import list_part
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import Layout


def add_part(layout: Layout, number: int, table: pa.Table) -> None:
    """Write records, which are in the manifest's order, as a part. Raises DamagedIndex, OSError."""
    paths = layout.parts()
    paths.pop(number, None)
    wanted = unify([INDEX_SCHEMA, *map(schema_of, paths.values()), table.schema])
    _align(layout, paths, wanted)
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
    paths = layout.parts()
    wanted = unify([INDEX_SCHEMA, *map(schema_of, paths.values())])
    if labels is not None:
        others = set(wanted.names).difference(INDEX_SCHEMA.names, labels.names)
        empty = {name for name in others if all(_is_empty(path, name) for path in paths.values())}
        wanted = pa.schema([field for field in wanted if field.name not in empty])
    _align(layout, paths, wanted)


def narrow(layout: Layout, labels: pa.Schema) -> None:
    """Let text columns of the index have the types of these labels, where all their text can be read so.

    Raises DamagedIndex, OSError.
    """
    paths = layout.parts()
    wanted = unify([INDEX_SCHEMA, *map(schema_of, paths.values())])
    for label in labels:
        place = wanted.get_field_index(label.name)
        if is_read(label.type) and place >= 0 and pa.types.is_string(wanted.types[place]):
            wanted = wanted.set(place, label.with_type(type_of_all(paths.values(), label.name, label.type)))
    _align(layout, paths, wanted)


def adopt(layout: Layout) -> None:
    """Write the parts anew that another program wrote: so what cannot be read of them is told now, and not at the end.

    Raises:
        DamagedIndex, OSError.
    """
    for number, path in layout.parts().items():
        if not is_own(path):
            for _ in iterate(path):
                pass  # every value of it is looked at
            rewrite(layout, number, [path], [np.ones(row_count(path), np.bool_)], schema_of(path))


def rewrite(layout: Layout, number: int, paths: Sequence[Path], kept: Sequence[Mask], schema: pa.Schema) -> None:
    """Write a part of the records of others that are marked, with this schema. Raises DamagedIndex, OSError."""
    sources = []
    for path, mask in zip(paths, kept, strict=True):
        with open_part(path) as part:
            sources.append(select(path, read_part(path, part, ORDER_COLUMNS), mask))
    with ExitStack() as opened:
        write_part(layout, number, OrderedRecords(sources, opened).tables(schema), schema)


def _align(layout: Layout, paths: Mapping[int, Path], wanted: pa.Schema) -> None:
    for number, path in paths.items():
        if not stored_schema_of(path).equals(wanted):
            rewrite(layout, number, [path], [np.ones(row_count(path), np.bool_)], wanted)


def _is_empty(path: Path, column: str) -> bool:
    with open_part(path) as part:
        if column not in part.schema_arrow.names:
            return True
        found = read_part(path, part, [column])[column]
    return bool(found.null_count == len(found))
