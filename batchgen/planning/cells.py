"""One cell -> one value of one field, or what is wrong with it and what to write instead.

CSV gives text, Parquet and DataFrames give typed values; both become the one canonical value. `3.0` is 3: pandas writes
a column of whole numbers so if one is missing. Nothing else is guessed: `1e3` as text is no whole number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from batchgen.catalog import Field, Size, Value
from batchgen.core.format import quote
from batchgen.core.request import Scalar
from batchgen.core.suggest import did_you_mean
from batchgen.manifest.source import Cell
from batchgen.planning.identity import LARGEST_SEED

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
    if field.type == "list":
        return _list(name, field, cell)
    if field.type == "json":
        value: Value = _json(name, cell, 'JSON; write it like {"scale": 0.5}')
        return value
    if field.size is not None:
        return _size(name, field.size, cell)
    return parse_scalar(name, field, cell)


def parse_integer(name: str, field: Field, cell: Cell) -> int:
    """Return the whole number of a cell that is not empty. Raises CellError."""
    value = _integer(name, field, cell)
    if not field.accepts(value):
        raise _refusal(name, field, value)
    return value


def parse_seed(field: Field, cell: Cell) -> int:
    """Return the seed of a cell that is not empty. Raises CellError."""
    seed = parse_integer("seed", field, cell)
    if not -LARGEST_SEED <= seed <= LARGEST_SEED:
        raise CellError("E051", f"seed {seed} is too large; a dataset holds at most {LARGEST_SEED}")
    return seed


def parse_scalar(name: str, field: Field, cell: Cell) -> Scalar:
    """Return the canonical value of a cell of a field that holds one. Raises CellError."""
    value: Scalar
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


def _size(name: str, size: Size, cell: Cell) -> str:
    try:
        return size.read(str(cell))
    except ValueError as error:
        raise CellError("E057", f"{name} {quote(cell)} is not one that the model takes: {error}") from error


def _list(name: str, field: Field, cell: Cell) -> list[Any]:
    kind = {"string": '["a", "b"]', "boolean": "[true, false]"}.get(field.item.type, "[1, 2]")
    items = _json(name, cell, f"a list; write it like {kind}")
    if not isinstance(items, list):
        raise CellError("E058", f"{name} {quote(cell)} is not a list; write it like {kind}")
    if field.max_items is not None and len(items) > field.max_items:
        raise CellError("E051", f"{name} has {len(items):,} items; the model takes at most {field.max_items}")
    return [_item(f"{name}[{number}]", field.item, item) for number, item in enumerate(items)]


def _item(name: str, field: Field, item: object) -> Scalar:
    if not isinstance(item, str | int | float | bool):
        raise CellError("E058", f"{name} must be one value, not {quote(item)}")
    return parse_scalar(name, field, item)


def _json(name: str, cell: Cell, wanted: str) -> Any:
    """The value of a cell as JSON has it, in its one form."""
    if not isinstance(cell, str):
        return _in_one_form(cell)
    try:
        return _in_one_form(msgspec.json.decode(cell.encode()))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CellError("E058", f"{name} {quote(cell)} is not {wanted}") from error


def _in_one_form(value: object) -> Any:
    """A JSON value with sorted keys, whole numbers as such, and no null in an object, since tables fill those up."""
    if isinstance(value, dict):
        return {key: _in_one_form(value[key]) for key in sorted(value) if value[key] is not None}
    if isinstance(value, list):
        return [_in_one_form(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _FLOAT_EXACT_MAX:
        return int(value)
    return value


def _refusal(name: str, field: Field, value: Scalar) -> CellError:
    if field.values is not None:
        return CellError("E052", f"{name} {quote(value)} is not allowed; {allowed(value, field.values)}")
    if isinstance(value, str):
        return CellError("E055", f"{name} has {len(value):,} characters; the model takes at most {field.max_length:,}")
    if field.max is not None and value > field.max:
        return CellError("E051", f"{name} {value} is too large; the model takes at most {field.max}")
    if field.min is not None and value < field.min:
        return CellError("E051", f"{name} {value} is too small; the model takes at least {field.min}")
    return CellError("E051", f"{name} {value} is no finite number")


def allowed(value: object, values: Sequence[Scalar]) -> str:
    """Say which values are allowed, the nearest first if one is near."""
    texts = list(map(str, values))
    return " ".join(filter(None, [did_you_mean(str(value), texts), f"allowed are {', '.join(texts)}"]))
