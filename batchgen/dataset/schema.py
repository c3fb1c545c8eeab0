"""The Arrow schema of the index, and records as tables of it.

Every part carries the same explicit columns, whatever is null in it, followed by the manifest's
own columns. A manifest column that has the name of an index column gets the prefix `manifest_`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import msgspec
import pyarrow as pa

from batchgen.dataset.records import IndexRecord

_TIME = pa.timestamp("us", tz="UTC")
_PREFIX = "manifest_"

INDEX_SCHEMA = pa.schema(
    [
        ("file_name", pa.string()),
        ("status", pa.string()),
        ("row_id", pa.string()),
        ("image_number", pa.int32()),
        ("request_number", pa.int32()),
        ("prompt", pa.string()),
        ("enhanced_prompt", pa.string()),
        ("seed", pa.int64()),
        ("seed_source", pa.string()),
        ("model", pa.string()),
        ("aspect_ratio", pa.string()),
        ("request", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("mime_type", pa.string()),
        ("size_bytes", pa.int64()),
        ("sha256", pa.string()),
        ("error_kind", pa.string()),
        ("error_message", pa.string()),
        ("http_status", pa.int32()),
        ("attempts", pa.int32()),
        ("cost_usd", pa.float64()),
        ("cost_source", pa.string()),
        ("client_request_id", pa.string()),
        ("inference_id", pa.string()),
        ("sent_at", _TIME),
        ("finished_at", _TIME),
        ("latency_s", pa.float64()),
        ("row_number", pa.int64()),
        ("fingerprint", pa.string()),
        ("run_id", pa.string()),
        ("batchgen_version", pa.string()),
        ("manifest", pa.string()),
        ("line", pa.int64()),
        ("image_url", pa.string()),
        ("in_doubt_ids", pa.list_(pa.string())),
    ]
)

_COLUMNS = tuple(field.name for field in fields(IndexRecord) if field.name != "extra")


def to_table(records: Sequence[IndexRecord], extra_schema: bytes) -> pa.Table:
    """Return records as a table: the index columns, then the manifest's own as `extra_schema` types them."""
    columns = [
        pa.array([getattr(record, name) for record in records], INDEX_SCHEMA.field(name).type) for name in _COLUMNS
    ]
    table = pa.table(columns, schema=INDEX_SCHEMA)
    if not extra_schema:
        return table
    schema = pa.ipc.read_schema(pa.py_buffer(extra_schema))
    extra = pa.Table.from_batches(
        [pa.ipc.read_record_batch(pa.py_buffer(record.extra), schema) for record in records], schema
    )
    for field, column in zip(schema, extra.columns, strict=True):
        table = table.append_column(field.with_name(extra_name(field.name)), column)
    return table


def to_records(table: pa.Table, extra_schema: bytes) -> list[IndexRecord]:
    """Return rows of the index as records whose own columns are those of `extra_schema`, null where they do not fit."""
    schema = pa.ipc.read_schema(pa.py_buffer(extra_schema)) if extra_schema else pa.schema([])
    own = pa.table([_fit(table, field) for field in schema], schema=schema) if extra_schema else None
    rows = table.select([name for name in INDEX_SCHEMA.names if name in table.column_names]).to_pylist()
    return [
        msgspec.convert(row | {"extra": _serialise(own, position)}, IndexRecord, strict=False)
        for position, row in enumerate(rows)
    ]


def extra_name(name: str) -> str:
    """Return the index column for a manifest's own column: no two of them have the same."""
    bare = name
    while bare not in INDEX_SCHEMA.names and bare.startswith(_PREFIX):
        bare = bare.removeprefix(_PREFIX)
    return f"{_PREFIX}{name}" if bare in INDEX_SCHEMA.names else name


def unify(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return one schema that holds the rows of all: types are promoted, to strings where nothing else holds both."""
    fields_by_name: dict[str, pa.Field] = {}
    for schema in schemas:
        for field in schema:
            known = fields_by_name.get(field.name)
            fields_by_name[field.name] = field if known is None else _promote(known, field)
    return pa.schema(list(fields_by_name.values()))


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the columns of `schema`, nulls where it has none."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _promote(left: pa.Field, right: pa.Field) -> pa.Field:
    if left.type.equals(right.type):
        return left
    try:
        merged: pa.Field = pa.unify_schemas(
            [pa.schema([left]), pa.schema([right])], promote_options="permissive"
        ).field(0)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.field(left.name, pa.string())
    return merged


def _fit(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    name = extra_name(field.name)
    if name in table.column_names:
        try:
            return table[name].cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass  # the manifest's column has changed its type since: the old value has no place in it
    return pa.chunked_array([pa.nulls(len(table), field.type)])


def _serialise(own: pa.Table | None, position: int) -> bytes:
    if own is None:
        return b""
    return own.slice(position, 1).combine_chunks().to_batches()[0].serialize().to_pybytes()  # type: ignore[no-any-return]
