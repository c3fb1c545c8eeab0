"""The types in which the manifest's own columns are kept: those that Parquet, Arrow IPC and Hugging Face can all hold.

A column of any other type becomes text: each value as JSON, but for what is text by itself. So does one whose type
differs between files or runs where Arrow knows no type for both. A type that is not known here is text, too.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from batchgen.core.cell_types import is_read, read_cells

Column = TypeVar("Column", pa.Array, pa.ChunkedArray)

_DECIMAL128_DIGITS: Final = 38
# Types that not every reader knows, and what says the same.
_NARROWED: Final = {
    pa.string_view(): pa.string(),
    pa.large_string(): pa.string(),
    pa.binary_view(): pa.binary(),
    pa.large_binary(): pa.binary(),
    pa.binary(0): pa.binary(),
    pa.float16(): pa.float32(),
    pa.date64(): pa.date32(),
    pa.time32("s"): pa.time32("ms"),
}


def storable(kind: pa.DataType) -> pa.DataType:
    """Return the type in which a column of this type is kept; text where its values are kept as JSON."""
    return _storable(kind) or pa.string()


def is_text_only(kind: pa.DataType) -> bool:
    """Whether values of this type are kept as JSON."""
    return _storable(kind) is None


def common_type(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """Return the type that holds the values of both: Arrow's own promotion, text where it has none."""
    left, right = storable(left), storable(right)
    if left.equals(right):
        return left
    types = pa.types
    if types.is_null(left) or types.is_null(right):
        return right if types.is_null(left) else left
    if types.is_string(left) or types.is_string(right):
        return pa.string()
    for first, second in ((left, right), (right, left)):
        if types.is_date(first) and types.is_timestamp(second):
            return second
        if types.is_uint64(first) and types.is_signed_integer(second):
            return pa.string()  # Arrow's int64 has no room for the half of it
    if types.is_timestamp(left) and types.is_timestamp(right) and left.tz and right.tz:
        left, right = (pa.timestamp(kind.unit, "UTC") for kind in (left, right))
    try:
        schemas = [pa.schema([("", kind)]) for kind in (left, right)]
        return storable(pa.unify_schemas(schemas, promote_options="permissive").field(0).type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.string()


def as_type(column: Column, kind: pa.DataType) -> Column:
    """Return a column of any type as `kind`, which is `storable` of its type or a `common_type` of that.

    Text may become a type of `core.cell_types`, too. What does not fit is null: a time outside the range of
    nanoseconds, bytes that are no text, text that is no such number.
    """
    if column.type.equals(kind):
        return column
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([as_type(chunk, kind) for chunk in column.chunks], kind)
    if pa.types.is_string(column.type) and is_read(kind):
        return read_cells(column, kind)
    is_text = pa.types.is_string(kind)
    if is_text and (is_text_only(column.type) or not _casts_to_text(column.type)):
        stored = storable(column.type)
        known = column if stored.equals(kind) else as_type(column, stored)
        return pa.array(map(as_text, known.to_pylist()), kind)
    if _has_view(column.type):  # pyarrow 21 casts some to an array that it then calls invalid
        return _one_by_one(column, kind)
    try:
        cast = column.cast(kind)
        cast.validate()  # of slices of structs with nulls, pyarrow 26 makes what the next step crashes at
        return cast
    except pa.ArrowException:
        return _one_by_one(column, kind)


def as_text(value: object) -> str | None:
    """Return a value as text: text as it is, times in ISO 8601, bytes in base64, all else as JSON; None for None."""
    if value is None or isinstance(value, str):
        return value
    encoded = msgspec.json.encode(_plain(value), enc_hook=_written)
    return str(msgspec.json.decode(encoded)) if encoded.startswith(b'"') else encoded.decode()


def _storable(kind: pa.DataType) -> pa.DataType | None:
    """The type in which a column of this type is kept; None if its values are kept as JSON."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return None if isinstance(kind, pa.UuidType) else _storable(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _storable(kind.value_type)
    if types.is_nested(kind):
        return _storable_nested(kind)
    if types.is_decimal(kind):
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= _DECIMAL128_DIGITS else None
    if types.is_timestamp(kind) and kind.unit == "s":  # Parquet counts no seconds
        return pa.timestamp("ms", kind.tz)
    if kind in _NARROWED:
        return _NARROWED[kind]
    is_plain = types.is_null(kind) or types.is_primitive(kind) or types.is_string(kind) or _is_bytes(kind)
    return kind if is_plain and not types.is_interval(kind) else None


def _storable_nested(kind: pa.DataType) -> pa.DataType | None:
    types = pa.types
    if types.is_union(kind):
        return None
    if types.is_struct(kind):
        fields = [(field.name, _storable(field.type)) for field in kind]
        names = {name for name, _ in fields}
        return pa.struct(fields) if fields and len(names) == len(fields) and all(map(_second, fields)) else None
    if types.is_map(kind):
        pair = (_storable(kind.key_type), _storable(kind.item_type))
        return pa.list_(pa.struct([("key", pair[0]), ("value", pair[1])])) if all(pair) else None
    value = _storable(kind.value_type)
    if value is None:
        return None
    # Parquet has none of size 0, and pyarrow 26 crashes where it writes nulls as one.
    has_size = types.is_fixed_size_list(kind) and kind.list_size > 0 and not types.is_null(value)
    return pa.list_(value, kind.list_size) if has_size else pa.list_(value)


def _second(pair: tuple[str, pa.DataType | None]) -> bool:
    return pair[1] is not None


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _has_view(kind: pa.DataType) -> bool:
    """Whether a list somewhere in a type has its parts in any order."""
    is_view = pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)
    return bool(is_view) or any(_has_view(kind.field(index).type) for index in range(kind.num_fields))


def _casts_to_text(kind: pa.DataType) -> bool:
    """Whether Arrow's own cast to text says what JSON does."""
    types = pa.types
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _casts_to_text(kind.value_type)
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(is_text or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _one_by_one(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """What Arrow casts by no single step."""
    if isinstance(column.type, pa.BaseExtensionType):
        return as_type(column.storage, kind)
    values = column.to_pylist()
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.concat_arrays([pa.array([], kind), *(_one(value, kind) for value in values)])


def _one(value: object, kind: pa.DataType) -> pa.Array:
    try:
        return pa.array([value], kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.nulls(1, kind)


def _plain(value: object) -> object:
    """A value of which JSON can be made, but for what `_written` writes."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, pa.MonthDayNano):
        return dict(zip(("months", "days", "nanoseconds"), value, strict=True))
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return [_plain(item) for item in value] if isinstance(value, list | tuple | set | frozenset) else value


def _written(value: object) -> str:
    """What JSON has no form for: times of pandas, complex numbers, objects of any kind."""
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat() if callable(isoformat) else value)
