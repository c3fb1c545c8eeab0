"""One cell -> one value of one field, or what is wrong with it and what to write instead.

CSV gives text, Parquet and DataFrames give typed values; both become the one canonical value. `3.0` is 3: pandas writes
a column of whole numbers so if one is missing. Nothing else is guessed: `1e3` as text is no whole number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from batchgen.catalog import Field, Value
from batchgen.core.format import quote
from batchgen.core.suggest import did_you_mean
from batchgen.manifest.source import Cell

# Above this a float no longer tells neighbouring whole numbers apart.
_FLOAT_EXACT_MAX = 2**53


class CellError(Exception):
    """A cell that holds no value of its field."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parse_cell(name: str, field: Field, cell: Cell) -> Value:
    """Return the canonical value of a cell that is not empty.

    Raises:
        CellError: it is not of the field's type, or the model does not take it.
    """
    value: Value
    if field.type == "integer":
        value = _integer(name, field, cell)
    elif field.type == "number":
        value = _number(name, cell)
    elif field.type == "boolean":
        value = _boolean(name, cell)
    elif isinstance(cell, str):
        value = cell
    else:
        raise CellError("E052", f"{name} must be text, not {quote(cell)}")
    if not field.accepts(value):
        raise _refusal(name, field, value)
    return value


def _integer(name: str, field: Field, cell: Cell) -> int:
    if isinstance(cell, str):
        # More digits than any field takes would only cost time to convert.
        if whole := re.fullmatch(r"(-?[0-9]{1,30})(?:\.0)?", cell):
            return int(whole[1])
        raise CellError("E050", f"{name} {quote(cell)} is not a whole number; {_integer_advice(field, cell)}")
    if isinstance(cell, bool) or cell is None:
        raise CellError("E050", f"{name} {cell} is not a whole number; write digits only")
    if isinstance(cell, float) and not (cell.is_integer() and abs(cell) <= _FLOAT_EXACT_MAX):
        raise CellError("E050", f"{name} {cell} is not a whole number; give the column an integer type")
    return int(cell)


def _integer_advice(field: Field, text: str) -> str:
    stripped = text.strip()
    if stripped != text and re.fullmatch(r"[0-9]{1,30}", stripped):
        return f"write {stripped} without spaces"
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]*)?([eE]\+?[0-9]{1,2})?", text):
        number = float(text)
        if number.is_integer() and field.accepts(int(number)):
            return f"write {int(number)}"
    return "write digits only"


def _number(name: str, cell: Cell) -> float:
    if isinstance(cell, str) and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", cell):
        return float(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    raise CellError("E053", f"{name} {quote(cell)} is not a number; write it like 2.5")


def _boolean(name: str, cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    raise CellError("E054", f"{name} {quote(cell)} is neither true nor false; write true or false")


def _refusal(name: str, field: Field, value: Value) -> CellError:
    if field.values is not None:
        return CellError("E052", f"{name} {quote(value)} is not allowed; {allowed(value, field.values)}")
    if isinstance(value, str):
        return CellError("E055", f"{name} has {len(value):,} characters; the model takes at most {field.max_length:,}")
    if field.max is not None and value > field.max:
        return CellError("E051", f"{name} {value} is too large; the model takes at most {field.max}")
    if field.min is not None and value < field.min:
        return CellError("E051", f"{name} {value} is too small; the model takes at least {field.min}")
    return CellError("E051", f"{name} {value} is no finite number")


def allowed(value: object, values: Sequence[Value]) -> str:
    """Say which values are allowed, the nearest first if one is near."""
    texts = list(map(str, values))
    return " ".join(filter(None, [did_you_mean(str(value), texts), f"allowed are {', '.join(texts)}"]))
