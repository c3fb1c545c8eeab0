"""Records of the index as other programs write them back: pandas, polars, DuckDB, pyarrow; or as an enemy does.

They keep what the records say and change how it is stored: texts become dictionaries or large strings, whole numbers
that may be missing become floating point, times get another unit, and pandas adds a column of its own. What says the
same is read as batchgen would have written it. What does not is refused, and never guessed at: also in a part that says
that batchgen wrote it, since anybody can say so.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from typing import Final, get_args, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.cost import CostSource
from batchgen.core.format import count
from batchgen.core.label_types import as_type, storable
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import INDEX_SCHEMA

# Added to the index later than the others. Where `charges` is missing, `charges.of_slot` tells what it would say; what
# `served_model` would say nobody knows; without `job_ticket` no job waits.
_LATER: Final = frozenset({"charges", "served_model", "job_ticket"})
# The row labels of pandas, and of Dask, as a column.
_ROW_LABELS: Final = re.compile(r"__index_level_\d+__|__null_dask_index__")
_PARAMS: Final = frozenset({"params"})
_NEVER_NULL: Final = (
    frozenset(name for name, hint in get_type_hints(IndexRecord).items() if type(None) not in get_args(hint)) - _PARAMS
)
# What tells slots apart: read as bytes and numbers, where a null would be anything.
_KEYS: Final = frozenset({"fingerprint", "image_number"})
_HEX_DIGITS: Final = 32  # of a fingerprint as text
_DIGITS: Final = "0123456789abcdef"
# What a saved image has, and nothing else needs.
_OF_SAVED: Final = frozenset({"file_name", "width", "height", "mime_type", "size_bytes", "sha256"})
_WORDS: Final = {"status": [*Status], "error_kind": [*ErrorKind], "cost_source": [*CostSource]}
# An image number becomes a part of a key, of 16 bits. What is not finite is above every bound, or equal to nothing.
_BOUNDS: Final = {
    "image_number": 0xFFFF,
    "request_number": 2**31 - 1,
    "row_number": 2**63 - 1,
    "size_bytes": 2**63 - 1,
    "cost_usd": sys.float_info.max,
}

_decode_params = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def refuse_columns(names: Sequence[str]) -> None:
    """Raise ValueError if a table with these columns is no index."""
    missing = [name for name in INDEX_SCHEMA.names if name not in {*names, *_LATER}]
    if missing:
        raise ValueError(f"it is no index of batchgen without the columns {', '.join(missing)}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"it has the columns {', '.join(twice)} twice")


@lru_cache(maxsize=64)
def own_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of a table as `as_written_here` returns it."""
    fields = [field for field in schema if not _ROW_LABELS.fullmatch(field.name)]
    types = {field.name: field.type for field in INDEX_SCHEMA}
    return pa.schema([(field.name, types.get(field.name) or storable(field.type)) for field in fields])


def as_written_here(table: pa.Table) -> pa.Table:
    """Return records with the types that the index has. Raises ValueError if they cannot be records of an index."""
    schema = own_schema(table.schema)
    if not table.schema.equals(schema):
        columns = [_as(table[field.name], field) for field in schema]
        table = pa.table(columns, schema=schema) if columns else table.select([])
    _refuse_nulls(table, _KEYS)
    if "fingerprint" in table.column_names and len(table):
        lengths = pc.min_max(pc.binary_length(table["fingerprint"])).as_py()
        if {*lengths.values()} != {_HEX_DIGITS}:
            raise ValueError(f"the column fingerprint has values of other than {_HEX_DIGITS} digits")
    return table


def refuse_odd_values(table: pa.Table) -> None:
    """Raise ValueError if a column, of the index's own types, has a value that batchgen never writes there."""
    names = {*table.column_names}
    _refuse_nulls(table, _NEVER_NULL)
    if {"status"} < names:
        is_saved = pc.equal(table["status"], Status.OK)
        for name in sorted(names & _OF_SAVED):
            if lacking := pc.sum(pc.and_(is_saved, pc.is_null(table[name]))).as_py():
                raise ValueError(f"the column {name} has no value in {count(lacking, 'record')} of saved images")
    if "fingerprint" in names:
        # A third of what a regular expression takes.
        digits = pc.equal(pc.binary_length(pc.ascii_trim(table["fingerprint"], _DIGITS)), 0)
        _refuse(table["fingerprint"], digits, "fingerprint")
    _refuse_odd_numbers_and_words({name: table[name] for name in names & {*_BOUNDS, *_WORDS}})
    if "charges" in names:
        charges = pa.Table.from_struct_array(pc.list_flatten(table["charges"]))
        _refuse_odd_numbers_and_words({name: charges[name] for name in ("cost_usd", "cost_source")})


def refuse_odd_params(table: pa.Table) -> None:
    """Raise ValueError if the column params has a value that is no object of JSON: only what counts them needs that."""
    _refuse_nulls(table, _PARAMS)
    for text in table["params"].unique().to_pylist():
        try:
            _decode_params(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"the column params has a value that is no object of JSON ({error})") from error


def _as(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """A column as the type of a field, if that loses nothing of it."""
    if column.type.equals(field.type):
        return column
    if field.name not in INDEX_SCHEMA.names:
        return as_type(column, field.type)
    try:
        if not pa.types.is_nested(field.type):
            return column.cast(field.type)
        # No single step casts fields in another order, or dictionaries in lists.
        return pa.chunked_array([pa.array(column.to_pylist(), field.type)], field.type)
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise ValueError(f"the column {field.name} is {column.type} and cannot be read as {field.type}") from error


def _refuse_nulls(table: pa.Table, names: Set[str]) -> None:
    for name in sorted(names & {*table.column_names}):
        if table[name].null_count:
            raise ValueError(f"the column {name} has no value in {count(table[name].null_count, 'record')}")


def _refuse_odd_numbers_and_words(columns: Mapping[str, pa.ChunkedArray]) -> None:
    for name, column in columns.items():
        if name in _WORDS:
            good = pc.is_in(column, pa.array([*_WORDS[name], None], pa.string()))
        else:
            good = pc.and_(pc.greater_equal(column, 0), pc.less_equal(column, _BOUNDS[name])).fill_null(True)
        _refuse(column, good, name)


def _refuse(column: pa.ChunkedArray, good: pa.ChunkedArray, name: str) -> None:
    if not pc.all(good, min_count=0).as_py():
        bad = column.filter(pc.invert(good))
        raise ValueError(f"the column {name} has a value that it cannot have: {bad[0].as_py()!r}")
