"""Values of Python -> columns of Arrow, as the cells of JSON, spreadsheets and lists of dicts have them.

A column that holds values of several types has their common one, as files of a folder do (`core.label_types`); one
for which Arrow has no type at all is text, each value as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Final, TypeAlias

import pyarrow as pa

from batchgen.core.errors import ManifestError
from batchgen.core.label_types import as_text, common_type, storable
from batchgen.core.problems import Problem

# What pyarrow raises for values that it cannot take.
REFUSED: Final = (pa.ArrowException, TypeError, ValueError, OverflowError)
MIXED: Final = "mixed types"
# A type that a column was found to have, or that it has none.
Found: TypeAlias = pa.DataType | str

# Deeper than any table means, and no deeper than every reader of Parquet follows: what is deeper is kept as text.
DEPTH_MAX: Final = 16
# Neither Arrow nor Python follow values much deeper, and a list may hold itself.
_DEPTH_LIMIT: Final = 100

_NESTED: Final = (list, tuple, set, frozenset, Mapping)
_SCALARS: Final = {str: pa.string(), bool: pa.bool_(), float: pa.float64()}
_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)
# Structs have a field for each key of any row. Where keys are data, that is no type: it grows with every row.
_FIELDS_MAX: Final = 100


def types_of(values: Sequence[object]) -> list[Found]:
    """Return the types that a column of these values has, each once."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return [pa.null()]
    if kinds <= {*_SCALARS, int}:
        return [_SCALARS.get(kind) or _whole(values) for kind in sorted(kinds, key=str)]
    try:
        kind = pa.array(values, from_pandas=True).type
    except REFUSED:
        return [MIXED]
    return [kind if _fields(kind) <= _FIELDS_MAX else MIXED]


def is_deep(values: Sequence[object]) -> bool:
    """Whether a value is nested too deeply to be kept as more than text."""
    return any(_is_deeper(value, DEPTH_MAX) for value in values)


def refuse_endless(manifest: str, column: str, values: Sequence[object]) -> None:
    """Raise ManifestError if a value is nested so deeply that not even its text can be had."""
    for number, value in enumerate(values, 1):
        if _is_deeper(value, _DEPTH_LIMIT):
            text = f"the value of {column!r} is nested in more than {_DEPTH_LIMIT} levels"
            raise ManifestError([Problem("E023", manifest, text, number, 1, column)])


def kept_type(found: Iterable[Found]) -> pa.DataType:
    """Return the type in which a column is kept that was found to have these."""
    kind = reduce(common_type, (pa.string() if isinstance(one, str) else storable(one) for one in found))
    return kind if _fields(kind) <= _FIELDS_MAX else pa.string()


def as_array(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Return values of a column whose `kept_type` is known. Raises one of REFUSED for others."""
    if pa.types.is_string(kind):
        try:
            return pa.array([value if type(value) is str else _text(value) for value in values], kind)
        except UnicodeEncodeError:  # half of a character
            return pa.array(list(map(_text, values)), kind)
    if pa.types.is_float64(kind):
        values = [None if value is None else float(value) for value in values]  # type: ignore[arg-type]
    return pa.array(values, kind, from_pandas=True)


def _is_deeper(value: object, levels: int) -> bool:
    """Whether lists and dicts are nested in more than so many levels; one that holds itself is."""
    open_ones = [iter([value])]
    while open_ones:
        for item in open_ones[-1]:
            if isinstance(item, _NESTED):
                if len(open_ones) > levels:
                    return True
                open_ones.append(iter(_items(item)))
                break
        else:
            open_ones.pop()
    return False


def _items(value: Iterable[object]) -> Iterable[object]:
    return value.values() if isinstance(value, Mapping) else value


def _text(value: object) -> str | None:
    text = as_text(value)
    return text and text.encode("utf-8", "replace").decode()


def _whole(values: Sequence[object]) -> pa.DataType:
    """The type of the whole numbers among values; text where they are longer than any has room for."""
    numbers = [value for value in values if type(value) is int]
    ends = min(numbers), max(numbers)
    for room, kind in ((_INT64, pa.int64()), (_UINT64, pa.uint64())):
        if all(end in room for end in ends):
            return kind
    return pa.string()


def _fields(kind: pa.DataType) -> int:
    """How many types there are within a type."""
    return 1 + sum(_fields(kind.field(index).type) for index in range(kind.num_fields))
