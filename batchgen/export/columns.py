"""Columns that an option of an export names: found in the dataset, or refused with the name that was meant."""

from __future__ import annotations

import pyarrow as pa

from batchgen.core.errors import ExportError
from batchgen.core.format import quote
from batchgen.core.suggest import did_you_mean

# A dataset has some forty columns; a message that lists them all is read by nobody.
_LISTED = 12


def choose_columns(text: str | None, schema: pa.Schema) -> pa.Schema:
    """Read `prompt,seed`; return these columns in this order, all for None. Raises ExportError."""
    if text is None:
        return schema
    option = f"--columns {text}"
    names = [known_column(name.strip(), schema, option) for name in text.split(",")]
    if len(set(names)) < len(names):
        raise ExportError(f"{option}: a column is named twice")
    return pa.schema([schema.field(name) for name in names])


def known_column(name: str, schema: pa.Schema, option: str) -> str:
    """Return the name of a column. option: what named it, for the message. Raises ExportError: there is none."""
    if name in schema.names:
        return name
    own = ", ".join(schema.names[:_LISTED])
    hint = did_you_mean(name, schema.names) or f"there are {own} and others: see the fields in the dataset's README.md"
    raise ExportError(f"{option}: the dataset has no column {quote(name)}; {hint}")
