"""The index as versions before format 2 wrote it, read as if it were written today.

They kept the body of the request as it was sent to AI/ML API, in a column `request`; today there are `provider` and
`params` (JSON) instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
import pyarrow as pa

from batchgen.core.request import DEFAULT_PROVIDER

OLD_COLUMN = "request"
_NEW_COLUMNS = ("provider", "params")
# What stands in columns of its own, and how images travelled, which is not asked for.
_NO_PARAMS = frozenset({"model", "prompt", "seed", "convert_base64_to_url", "response_format"})

_decode = msgspec.json.Decoder(dict[str, str | int | float | bool]).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


def is_old(names: Sequence[str]) -> bool:
    """Whether an index with these columns is of the old format."""
    return OLD_COLUMN in names and _NEW_COLUMNS[1] not in names


def new_fields(request: str) -> dict[str, str]:
    """Return `provider` and `params` for the body of a request."""
    body = _decode(request) if request else {}
    params = {name: value for name, value in body.items() if name not in _NO_PARAMS}
    return dict(zip(_NEW_COLUMNS, (DEFAULT_PROVIDER, _encode(params).decode()), strict=True))


def old_names(names: Sequence[str]) -> list[str]:
    """Return which columns are to be read of an old index for these of today's."""
    wanted = [name for name in names if name not in _NEW_COLUMNS]
    return wanted if len(wanted) == len(names) else [*wanted, OLD_COLUMN]


def with_new_columns(table: pa.Table) -> pa.Table:
    """Return a table of an old index with today's columns."""
    if OLD_COLUMN not in table.column_names:
        return table
    fields = [new_fields(request or "") for request in table[OLD_COLUMN].to_pylist()]
    for name in _NEW_COLUMNS:
        table = table.append_column(name, pa.array([field[name] for field in fields], pa.string()))
    return table.drop_columns([OLD_COLUMN])


@lru_cache(maxsize=64)
def new_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of an old index's table as `with_new_columns` returns it."""
    return with_new_columns(schema.empty_table()).schema
