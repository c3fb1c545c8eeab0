"""Labels that are cells of text, as the index has them: of the type on which all cells of their column agree.

They are added as text while the type is not known, or where the index has another. At the clean stop, when all is
known, `narrow` in `alignment` makes of text what it can be read as.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.cell_types import CellTypes, ColumnType, is_read
from batchgen.core.label_types import as_type, common_type
from batchgen.core.outcomes import Status
from batchgen.dataset.index.parts import open_part, read_part, schema_of
from batchgen.dataset.index.schema import own_names, unify
from batchgen.dataset.layout import Layout
from batchgen.store import StoredFile


def index_labels(labels: pa.Schema, cell_types: CellTypes | None) -> pa.Schema:
    """Return label columns under the names that they have in the index; cells have their types, as far as known."""
    schema = labels if cell_types is None else cell_types.schema
    return pa.schema([field.with_name(name) for field, name in zip(schema, own_names(labels), strict=True)])


def added_schema(layout: Layout, labels: pa.Schema, cell_types: CellTypes | None) -> pa.Schema:
    """Return the columns as which labels are added to the index. Raises DamagedIndex."""
    schema = index_labels(labels, cell_types)
    return schema if cell_types is None else _beside(layout, schema)


def added(layout: Layout, labels: pa.Table, cell_types: CellTypes | None) -> pa.Table:
    """Return labels as they are added to the index. Raises DamagedIndex."""
    types = index_labels(labels.schema, cell_types)  # once: they may be decided at any moment
    if cell_types is None:
        return labels.rename_columns(types.names)
    columns = []
    for cells, known, field in zip(labels.columns, types, _beside(layout, types), strict=True):
        is_text = pa.types.is_null(known.type) and not _fit(cells, field.type)
        columns.append(as_type(cells, pa.string() if is_text else field.type))
    return pa.table(columns, types.names)


def type_of_all(files: Iterable[StoredFile], column: str, kind: pa.DataType) -> pa.DataType:
    """Return the type that cells of this kind have together with what parts have in a column, text included.

    The text of wrong rows does not count: where a comma is missing, cells stand in the columns of others.

    Raises DamagedIndex.
    """
    cells = ColumnType()
    for file in files:
        schema = schema_of(file)
        if column not in schema.names:
            continue
        stored = schema.field(column).type
        if not pa.types.is_string(stored) and not is_read(stored):
            kind = common_type(kind, stored)
            continue
        with open_part(file) as part:
            found = read_part(file, part, ["status", column])
        found = found.filter(pc.not_equal(found["status"], Status.INVALID))
        cells.add(as_type(found[column], pa.string()))
    kind = common_type(kind, cells.kind)
    return kind if cells.fits(kind) else pa.string()


def _beside(layout: Layout, types: pa.Schema) -> pa.Schema:
    """The types in which cells of these are added to what the index has: its own, or text, in which none is lost."""
    there = unify(list(map(schema_of, layout.parts().values())))
    return pa.schema([(field.name, _either(field.type, there, field.name)) for field in types])


def _either(kind: pa.DataType, there: pa.Schema, name: str) -> pa.DataType:
    stored = there.field(name).type if name in there.names else pa.null()
    known = [one for one in (kind, stored) if not pa.types.is_null(one)]
    return known[0] if known and known[0].equals(known[-1]) else pa.string()


def _fit(cells: pa.ChunkedArray, kind: pa.DataType) -> bool:
    column = ColumnType()
    column.add(cells)
    return column.fits(kind)
