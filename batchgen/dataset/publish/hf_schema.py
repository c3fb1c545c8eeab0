"""The dataset view's columns, named and typed so that every reader takes them: Hugging Face, DuckDB, pandas.

The index keeps the manifest's own columns as they are. Hugging Face's imagefolder, though, takes some names for paths
of images, and knows neither maps nor numbers beyond int64, so in the view those few columns have another form.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

# The loader makes this column from `file_name`; one of the manifest's would hide it.
_MADE = "image"
# The loader takes a column, or a field of a struct, with such a name for the path of another image.
_PATH_NAMES = ("file_name", "file_names")
_UINT64_DIGITS = 20


def hf_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of the view for an index of this schema: same columns, same order."""
    names: list[str] = []
    for position, name in enumerate(schema.names):
        if position:  # the first is `file_name` itself
            name = f"manifest_{name}" if name == _MADE else _no_path(name)
        while name in names or (name in schema.names and name != schema.names[position]):
            name += "_"
        names.append(name)
    return pa.schema([pa.field(name, _hf_type(field.type)) for name, field in zip(names, schema, strict=True)])


def to_hf(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return an index table as the view has it; `schema` is that of `hf_schema`."""
    return pa.table([_convert(column, field.type) for column, field in zip(table.columns, schema, strict=True)], schema)


def _no_path(name: str) -> str:
    return name.replace("file_name", "filename") if name.endswith(_PATH_NAMES) else name


def _hf_type(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _hf_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _hf_type(kind.value_type)
    if types.is_null(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_binary_view(kind):
        return pa.binary()
    if types.is_uint64(kind):  # imagefolder takes every whole number for int64
        return pa.decimal128(_UINT64_DIGITS)
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if types.is_map(kind):
        return pa.list_(pa.struct([("key", _hf_type(kind.key_type)), ("value", _hf_type(kind.item_type))]))
    if types.is_struct(kind):
        return pa.struct([(_no_path(field.name), _hf_type(field.type)) for field in kind])
    if types.is_fixed_size_list(kind):
        return pa.list_(_hf_type(kind.value_type), kind.list_size)
    if types.is_large_list(kind) or types.is_large_list_view(kind):
        return pa.large_list(_hf_type(kind.value_type))
    if types.is_list(kind) or types.is_list_view(kind):
        return pa.list_(_hf_type(kind.value_type))
    return kind


def _convert(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if isinstance(column.type, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        return _convert(pa.chunked_array(chunks, column.type.storage_type), kind)
    if _has_struct(column.type):
        # A cast matches fields by name and would lose those that are called otherwise now.
        return pa.chunked_array([pa.array([_rebuild(value, kind) for value in column.to_pylist()], kind)])
    return column.cast(kind)


def _has_struct(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return True
    return kind.num_fields == 1 and _has_struct(kind.field(0).type)


def _rebuild(value: Any, kind: pa.DataType) -> Any:
    """Return a value of Python as `kind` has it: structs by the position of their fields, maps as lists of pairs."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        parts = value.values() if isinstance(value, dict) else value
        return {field.name: _rebuild(part, field.type) for field, part in zip(kind, parts, strict=True)}
    if isinstance(value, list):
        return [_rebuild(part, kind.value_type) for part in value]
    return value
