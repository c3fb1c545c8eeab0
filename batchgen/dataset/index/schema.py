"""The Arrow schema of the index, and records as tables of it.

Every part carries the same explicit columns, whatever is null in it, followed by the manifest's
own columns. A manifest column that has the name of an index column gets the prefix `manifest_`.
Where a column's type differs between runs, a type is taken that holds both (`core.label_types`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import msgspec
import pyarrow as pa

from batchgen.core.label_types import as_type, common_type, storable
from batchgen.dataset.index.records import IndexRecord

_TIME = pa.timestamp("us", tz="UTC")
_CHARGE = pa.struct([("client_request_id", pa.string()), ("cost_usd", pa.float64()), ("cost_source", pa.string())])

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
        ("provider", pa.string()),
        ("model", pa.string()),
        ("aspect_ratio", pa.string()),
        ("params", pa.string()),
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
        ("served_model", pa.string()),
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
        ("charges", pa.list_(_CHARGE)),
        ("job_ticket", pa.string()),
    ]
)

# Columns whose values differ from row to row: a dictionary of them takes a third of the time of writing, for nothing.
DISTINCT_COLUMNS = frozenset(
    {
        "file_name",
        "row_id",
        "prompt",
        "enhanced_prompt",
        "seed",
        "size_bytes",
        "sha256",
        "client_request_id",
        "inference_id",
        "sent_at",
        "finished_at",
        "latency_s",
        "row_number",
        "fingerprint",
        "line",
        "image_url",
    }
)

_CHARGES = INDEX_SCHEMA.get_field_index("charges")


def to_table(records: Sequence[IndexRecord]) -> pa.Table:
    """Return records as a table of the index columns."""
    if not records:
        return INDEX_SCHEMA.empty_table()
    columns = list(zip(*map(msgspec.structs.astuple, records), strict=True))
    columns[_CHARGES] = tuple(charges and list(map(asdict, charges)) for charges in columns[_CHARGES])
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, INDEX_SCHEMA, strict=True)], INDEX_SCHEMA
    )


def to_records(table: pa.Table) -> list[IndexRecord]:
    """Return rows of the index as records, without the manifest's own columns."""
    rows = table.select([name for name in INDEX_SCHEMA.names if name in table.column_names]).to_pylist()
    return [msgspec.convert(row, IndexRecord, strict=False) for row in rows]


def own_columns(table: pa.Table) -> pa.Table:
    """Return the manifest's own columns of an index table."""
    return table.select([name for name in table.column_names if name not in INDEX_SCHEMA.names])


def with_own_columns(table: pa.Table, own: pa.Table) -> pa.Table:
    """Return an index table with the manifest's own columns of the same rows behind the others."""
    for field, column in zip(own.schema, own.columns, strict=True):
        table = table.append_column(field, column)
    return table


def own_names(schema: pa.Schema) -> list[str]:
    """Return the index columns for a manifest's own columns: their names, `manifest_` put before one that is taken."""
    taken = set(INDEX_SCHEMA.names)
    names = []
    for name in schema.names:
        while name in taken:
            name = f"manifest_{name}"
        taken.add(name)
        names.append(name)
    return names


def unify(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return one schema that holds the rows of all; columns of the index have their own types."""
    types: dict[str, pa.DataType] = {}
    for field in (field for schema in schemas for field in schema):
        if field.name in INDEX_SCHEMA.names:
            types[field.name] = INDEX_SCHEMA.field(field.name).type
        else:
            known = types.get(field.name)
            types[field.name] = storable(field.type) if known is None else common_type(known, field.type)
    return pa.schema(list(types.items()))


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the columns of `schema`, nulls where it has none."""
    columns = [
        as_type(table[field.name], field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
