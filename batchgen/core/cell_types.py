"""Which type a column of text has: that of numbers or of booleans where every cell is written as one, else text.

A cell is a value only if the value says all that the cell does, so that no name made of digits is lost: `007`, `+5`,
`1e5`, `nan` and numbers of more digits than there is room for are text. An empty cell is null and says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

# Numbers with a point or an exponent as programs write them; whole ones among them, as far as float64 counts in ones.
_NUMBER: Final = r"^(0|-?[1-9]\d{0,14}|-?(0|[1-9]\d*)\.\d+(e[+-]\d{1,3})?|-?[1-9]e[+-]\d{1,3})$"
_WHOLE_MAX: Final = 10**15 - 1
# So many characters with a point have at most fifteen digits, and these come through float64 unchanged.
_SURE_CHARS: Final = 16
_PADDED: Final = r"\.\d+0$"
_CASINGS: Final = (("true", "false"), ("True", "False"), ("TRUE", "FALSE"))


class ColumnType:
    """What the cells of one column, added piece by piece, are all written as; the pieces make no difference."""

    def __init__(self) -> None:
        self._is_empty = True
        self._forms: list[_Form] = [*map(_Words, _CASINGS), _Numbers()]

    def add(self, cells: pa.Array | pa.ChunkedArray) -> None:
        """Take more cells, as strings."""
        if not self._forms:
            return
        filled = cells.filter(pc.not_equal(cells, ""))
        if isinstance(filled, pa.ChunkedArray):
            filled = filled.combine_chunks()
        if len(filled):
            self._is_empty = False
            self._forms = [form for form in self._forms if form.takes(filled)]

    @property
    def kind(self) -> pa.DataType:
        """int64, float64, bool or string; null if all cells are empty."""
        if self._is_empty:
            return pa.null()
        return self._forms[0].kind if self._forms else pa.string()

    def fits(self, kind: pa.DataType) -> bool:
        """Whether all cells can be read as this type."""
        if self._is_empty or self.kind.equals(kind):
            return True
        return pa.types.is_floating(kind) and any(form.counts_in_float for form in self._forms)


class CellTypes:
    """The types of the columns of a table of text; null until they are decided, and where all cells are empty."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = pa.schema([(name, pa.null()) for name in schema.names])
        self._columns = [ColumnType() for _ in schema]

    def add(self, batch: pa.RecordBatch, faults: Collection[int]) -> None:
        """Take more rows; those in `faults` could not be read as rows, so their cells say nothing."""
        if faults:
            batch = batch.take(pa.array([row for row in range(len(batch)) if row not in faults], pa.int64()))
        for column, cells in zip(self._columns, batch.columns, strict=True):
            column.add(cells)

    def decide(self) -> None:
        """Let `schema` have the types: all rows were added."""
        names = self.schema.names
        self.schema = pa.schema([(name, column.kind) for name, column in zip(names, self._columns, strict=True)])


def is_read(kind: pa.DataType) -> bool:
    """Whether cells can be read as this type."""
    return bool(kind.equals(pa.int64()) or kind.equals(pa.float64()) or kind.equals(pa.bool_()))


def read_cells(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return text as a type of `is_read`; null for empty cells, and for those that are not written as such a value."""
    filled = _readable(pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells), kind)
    return pc.equal(pc.utf8_lower(filled), "true") if pa.types.is_boolean(kind) else filled.cast(kind)


def _readable(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cells with null for those that cannot be read; these are few, and found by halving."""
    column = ColumnType()
    column.add(cells)
    if column.fits(kind):
        return cells
    half = len(cells) // 2
    if not half:
        return pa.nulls(len(cells), pa.string())
    return pa.concat_arrays([_readable(cells[:half], kind), _readable(cells[half:], kind)])


class _Form(Protocol):
    """A way in which the cells of a column may be written."""

    @property
    def kind(self) -> pa.DataType:
        """The type of what was taken."""

    @property
    def counts_in_float(self) -> bool:
        """Whether what was taken can be read as float64."""

    def takes(self, cells: pa.Array) -> bool:
        """Whether these cells, none of them empty, can be read so together with all before."""


class _Words:
    """Booleans in one casing."""

    kind = pa.bool_()
    counts_in_float = False

    def __init__(self, words: tuple[str, str]) -> None:
        self._words = pa.array(words)

    def takes(self, cells: pa.Array) -> bool:
        return _all(pc.is_in(cells, self._words))


class _Numbers:
    """Whole numbers of 64 bits; from the first other one on, numbers that float64 holds.

    A zero at the end (`0.50`) says nothing where every cell has as many decimals. Elsewhere it tells cells apart:
    1.1 and 1.10 are two versions.
    """

    def __init__(self) -> None:
        self._is_whole = True
        self._has_large = False
        self._is_padded = False
        self._decimals: set[int] = set()

    @property
    def kind(self) -> pa.DataType:
        if self._is_whole:
            return pa.int64()
        return pa.string() if self._is_padded and len(self._decimals) > 1 else pa.float64()

    @property
    def counts_in_float(self) -> bool:
        return not self._has_large and pa.types.is_primitive(self.kind)

    def takes(self, cells: pa.Array) -> bool:
        numbers = _whole(cells) if self._is_whole else None
        if numbers is not None:
            ends = pc.min_max(numbers).as_py()
            self._has_large |= ends["max"] > _WHOLE_MAX or ends["min"] < -_WHOLE_MAX
            self._decimals.add(0)
            return True
        self._is_whole = False
        others = None if self._has_large else _odd_numbers(cells)
        if others is None:
            return False
        self._is_padded |= bool(pc.any(pc.match_substring_regex(others, _PADDED)).as_py())
        self._note_decimals(cells)
        return True

    def _note_decimals(self, cells: pa.Array) -> None:
        if len(self._decimals) < 2:
            point = pc.find_substring(cells, ".")
            after = pc.subtract(pc.subtract(pc.binary_length(cells), point), 1)
            self._decimals.update(pc.unique(pc.if_else(pc.less(point, 0), pa.scalar(0, after.type), after)).to_pylist())


def _whole(cells: pa.Array) -> pa.Array | None:
    """Cells as whole numbers; None if one of them is not written as such a number is."""
    try:
        numbers = cells.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return numbers if numbers.cast(pa.string()).equals(cells) else None


def _odd_numbers(cells: pa.Array) -> pa.Array | None:
    """The numbers among cells that Arrow would write otherwise; None if a cell is no number, or not one of float64."""
    try:
        values = cells.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    as_arrow = pc.and_(pc.equal(values.cast(pa.string()), cells), pc.is_finite(values))
    others = cells.filter(pc.invert(pc.and_(as_arrow, pc.not_equal(cells, "-0"))))
    if not _all(pc.match_substring_regex(others, _NUMBER)):
        return None
    is_unsure = pc.or_(pc.greater(pc.binary_length(others), _SURE_CHARS), pc.match_substring(others, "e"))
    unsure = others.filter(is_unsure).to_pylist()
    return others if all(Decimal(number) == Decimal(repr(float(number))) for number in unsure) else None


def _all(mask: pa.Array) -> bool:
    return bool(pc.all(mask, min_count=0).as_py())
