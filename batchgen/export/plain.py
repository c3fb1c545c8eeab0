"""Records as JSON of constant types: what a column holds in one sample, it holds in all of an export.

ReaderPool of JSON guess a column's type from the first samples and fail at the first that is otherwise. So there is no
null: a column that has none anywhere keeps its type (text, true or false, number); one that has some is written as
text, empty where there is nothing; one that has nothing else is left out. Times are text in ISO 8601, bytes are text
in base64, and lists and structs are text in JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.export.images import Record

# How each column that is not left out is written.
Forms = Mapping[str, Callable[[Any], object]]


def forms(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Forms:
    """Look through all records of an export and return how to write them."""
    rows = 0
    missing = dict.fromkeys(schema.names, 0)
    for batch in batches:
        rows += len(batch)
        for name in schema.names:
            missing[name] += _missing(batch.column(name))
    return {
        field.name: _native if missing[field.name] == 0 and _is_native(field.type) else as_text
        for field in schema
        if missing[field.name] < rows
    }


def as_json(record: Record, columns: Forms) -> bytes:
    """Return a record as one JSON object."""
    return msgspec.json.encode({name: form(record[name]) for name, form in columns.items()})


def as_text(value: Any) -> str:
    """Return a value as text, empty for null and for what is no number."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bool | list | dict):  # a truth value as JSON has it, and not as Python does
        return msgspec.json.encode(value, enc_hook=as_text).decode()
    return str(value)


def _missing(column: pa.Array) -> int:
    """Count nulls, and numbers that JSON does not know."""
    if pa.types.is_floating(column.type):
        return len(column) - (pc.sum(pc.is_finite(column)).as_py() or 0)
    return int(column.null_count)


def _is_native(kind: Any) -> bool:
    types = pa.types
    # Unsigned 64 bits do not fit into what readers take a whole number for.
    return bool((types.is_integer(kind) and kind != pa.uint64()) or types.is_boolean(kind) or types.is_floating(kind))


def _native(value: Any) -> object:
    return value
