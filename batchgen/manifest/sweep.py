"""A sweep: axes of values, whose combinations are rows. Which rows there are, and what each is called, follows from it.

Neither the order of axes nor that of values counts: rows come in the order of their ids. A value that is added brings
its own rows and changes no other; so does an axis whose first value is named with an empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from heapq import nsmallest
from itertools import product
from math import prod

from batchgen.core.request import Scalar
from batchgen.manifest.sweep_template import Template

# More combinations are not even counted out: whatever is excluded of them, too many are left.
COMBINATIONS_MAX = 5_000_000


@dataclass(frozen=True, slots=True)
class AxisValue:
    """One value of an axis.

    name: as ids and excludes have it. cell: what the axis's own column has. columns: others that go together with it.
    """

    name: str
    cell: Scalar
    columns: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: each row has one of its values."""

    name: str
    values: Sequence[AxisValue]


@dataclass(frozen=True, slots=True)
class Exclude:
    """Combinations that are left out: those whose values are among these, on every axis that is named."""

    values: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One row: what it is called, and its cells by column. line, column: where it comes from, 1-based."""

    row_id: str
    cells: Mapping[str, Scalar]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as its file has it, and right in itself.

    constants: cells that all rows of the axes have. sample: how many of the rows of the axes are kept. place: where
    these come from. rows: those that stand in the file by themselves.
    """

    row_id: Template | None
    prompt: Template | None
    constants: Mapping[str, Scalar]
    axes: Sequence[Axis]
    excludes: Sequence[Exclude]
    sample: int | None
    max_rows: int
    place: tuple[int, int]
    rows: Sequence[SweepRow]

    @property
    def combinations(self) -> int:
        """How many combinations there are, those that are excluded included."""
        return prod(len(axis.values) for axis in self.axes) if self.axes or self.prompt else 0


def expand(sweep: Sweep, excluded: Callable[[int], None]) -> list[SweepRow]:
    """Return the rows, those of the axes by their ids.

    excluded: told the number of each exclude that leaves out a combination.
    """
    made = _combine(sweep, excluded)
    if sweep.sample is not None:
        # The lowest hashes: of more, these are some.
        made = iter(nsmallest(sweep.sample, made, key=lambda row: sha256(row.row_id.encode()).digest()))
    return [*sorted(made, key=lambda row: row.row_id), *sweep.rows]


def _combine(sweep: Sweep, excluded: Callable[[int], None]) -> Iterator[SweepRow]:
    if not sweep.combinations or sweep.row_id is None or sweep.prompt is None:
        return
    names = [axis.name for axis in sweep.axes]
    for values in product(*(axis.values for axis in sweep.axes)):
        chosen = dict(zip(names, values, strict=True))
        hits = [number for number, one in enumerate(sweep.excludes) if _fits(one, chosen)]
        for number in hits:
            excluded(number)
        if hits:
            continue

        def text_of(name: str, chosen: Mapping[str, AxisValue] = chosen) -> str:
            axis, _, column = name.partition(".")
            return str(chosen[axis].columns[column]) if column else chosen[axis].name

        cells: dict[str, Scalar] = {"prompt": sweep.prompt.fill(text_of), **sweep.constants}
        for name, value in chosen.items():
            cells[name] = value.cell
            cells |= {column: cell for column, cell in value.columns.items() if column != "text"}
        yield SweepRow(sweep.row_id.fill(text_of), cells, *sweep.place)


def _fits(exclude: Exclude, chosen: Mapping[str, AxisValue]) -> bool:
    return all(chosen[axis].name in names for axis, names in exclude.values.items())
