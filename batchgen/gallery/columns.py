"""The page's data: slots as columns of distinct values and codes, small enough to stand in the page itself.

Half of a text column of a dataset says the same again and again, so every column is its distinct
values and, for each slot, which of them it has. A page searches and sorts the values, and never
looks at a text twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

# JavaScript's numbers are exact up to here; larger ones go as text.
_MOST_EXACT = 2**53

Column = dict[str, Any]


def encode(column: pa.ChunkedArray) -> Column:
    """Return a column as `values` and `codes`, -1 for null.

    Without `codes` the column has one value for all slots, or as many values as slots, in order.
    Numbers and truth values stay what they are, times are milliseconds since 1970; all else is text.
    """
    plain = _plain(column)
    encoded = plain.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary.to_pylist()
    if not encoded.null_count and len(values) in (1, len(column)):
        return {"values": values}
    return {"values": values, "codes": pc.fill_null(encoded.indices, -1).to_pylist()}


def encode_texts(texts: Sequence[str | None]) -> Column:
    """Return texts as a column."""
    return encode(pa.chunked_array([pa.array(texts, pa.string())]))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64())
    if pa.types.is_integer(kind):
        extremes = pc.min_max(column).as_py()
        exact = all(abs(value or 0) <= _MOST_EXACT for value in extremes.values())
        return column if exact else column.cast(pa.string())
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    return pa.chunked_array([pa.array([_text(value) for value in column.to_pylist()], pa.string())])


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value):,} bytes"
    if isinstance(value, (list, dict)):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)
