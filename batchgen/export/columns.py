"""Columns that an option of an export names: found in the dataset, or refused with the name that was meant."""

from __future__ import annotations

import pyarrow as pa

from batchgen.core.errors import ExportError
from batchgen.core.format import quote
from batchgen.core.suggest import did_you_mean

# A dataset has some forty columns; a message that lists them all is read by nobody.
_LISTED = 12


def known_column(name: str, schema: pa.Schema, option: str) -> str:
    """Return the name of a column. option: what named it, for the message. Raises ExportError: there is none."""
    if name in schema.names:
        return name
    own = ", ".join(schema.names[:_LISTED])
    hint = did_you_mean(name, schema.names) or f"there are {own} and others: see the fields in the dataset's README.md"
    raise ExportError(f"{option}: the dataset has no column {quote(name)}; {hint}")
