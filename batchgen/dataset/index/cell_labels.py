"""Labels that are cells of text, as the index has them: of the type on which all cells of their column agree.

They are added as text while the type is not known, or where the index has what is no such value. At the clean stop,
when all is known, `narrow` in `alignment` makes of text what it can be read as.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.cell_types import CellTypes, ColumnType
from batchgen.core.label_types import as_type, common_type
from batchgen.core.outcomes import Status
from batchgen.dataset.index.parts import open_part, read_part, schema_of
from batchgen.dataset.index.schema import own_names, unify
from batchgen.dataset.layout import Layout


def index_labels(labels: pa.Schema, cell_types: CellTypes | None) -> pa.Schema:
    """Return label columns under the names that they have in the index; cells have their types, as far as known."""
    schema = labels if cell_types is None else cell_types.schema
    return pa.schema([field.with_name(name) for field, name in zip(schema, own_names(labels), strict=True)])


def added_schema(layout: Layout, labels: pa.Schema, cell_types: CellTypes | None) -> pa.Schema:
    """Return the columns as which labels are added to the index. Raises DamagedIndex."""
    schema = index_labels(labels, cell_types)
    if cell_types is None:
        return schema
    there = unify(list(map(schema_of, layout.parts().values())))
    return pa.schema([(field.name, _added_type(field, there)) for field in schema])


def added(layout: Layout, labels: pa.Table, cell_types: CellTypes | None) -> pa.Table:
    """Return labels as they are added to the index. Raises DamagedIndex."""
    schema = added_schema(layout, labels.schema, cell_types)
    if cell_types is None:
        return labels.rename_columns(schema.names)
    columns = [
        as_type(cells, pa.string() if pa.types.is_null(known.type) and not _fit(cells, field.type) else field.type)
        for cells, field, known in zip(labels.columns, schema, cell_types.schema, strict=True)
    ]
    return pa.table(columns, schema.names)


def type_of_all(paths: Iterable[Path], column: str, kind: pa.DataType) -> pa.DataType:
    """Return the type that cells of this kind have together with what parts have in a column, text included.

    The text of wrong rows does not count: where a comma is missing, cells stand in the columns of others.

    Raises DamagedIndex.
    """
    texts = ColumnType()
    for path in paths:
        schema = schema_of(path)
        if column not in schema.names:
            continue
        if not pa.types.is_string(schema.field(column).type):
            kind = common_type(kind, schema.field(column).type)
            continue
        with open_part(path) as part:
            found = read_part(path, part, ["status", column])
        texts.add(found[column].filter(pc.not_equal(found["status"], Status.INVALID)))
    kind = common_type(kind, texts.kind)
    return kind if texts.fits(kind) else pa.string()


def _added_type(field: pa.Field, there: pa.Schema) -> pa.DataType:
    kind = common_type(field.type, there.field(field.name).type if field.name in there.names else pa.null())
    return pa.string() if pa.types.is_null(kind) else kind


def _fit(cells: pa.ChunkedArray, kind: pa.DataType) -> bool:
    column = ColumnType()
    column.add(cells)
    return column.fits(kind)
