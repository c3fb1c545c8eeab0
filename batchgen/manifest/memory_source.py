"""Tables that are in memory as a manifest: columns of Arrow, or of values of Python."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from batchgen.core.label_types import storable
from batchgen.manifest.arrow_source import ArrowManifest, batch_rows_of
from batchgen.manifest.python_values import MIXED, REFUSED, Found, as_array, is_deep, kept_type, types_of
from batchgen.manifest.source import check_header

# A column, and the types that it was found to have.
TypedColumn = tuple[pa.Array | pa.ChunkedArray, Sequence[Found]]


def open_columns(
    name: str,
    names: Sequence[str],
    columns: Sequence[TypedColumn],
    prompt: str = "prompt",
    lines: Sequence[int] | None = None,
) -> ArrowManifest:
    """Make a manifest of columns of Arrow.

    Args:
        name: What messages call it.
        names: Of the columns.
        columns: Of the same length.
        prompt: The name of the column that has the prompts.
        lines: Of the rows, where these are not numbered from 1.

    Raises:
        ManifestError: the columns cannot be used.
    """
    check_header(name, names, prompt)
    table = pa.table([column for column, _ in columns], list(names))
    schema = pa.schema([(field.name, storable(field.type)) for field in table.schema])
    batch_rows = batch_rows_of(table.nbytes, table.num_rows)
    sources = [found for _, found in columns]
    batches = table.to_batches
    return ArrowManifest(name, schema, sources, table.num_rows, batches=lambda: iter(batches(batch_rows)), lines=lines)


def typed(values: Sequence[object]) -> TypedColumn:
    """Return values as a column, and the types that it was found to have."""
    found = [MIXED] if is_deep(values) else types_of(values)
    try:
        return as_array(values, kept_type(found)), found
    except REFUSED:
        return as_array(values, pa.string()), [MIXED]
