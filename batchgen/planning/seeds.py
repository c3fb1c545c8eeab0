"""The seed column: cells -> seeds, and which of them have an effect."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

from batchgen.catalog import Field
from batchgen.core.problems import Finding, FoundInRow
from batchgen.manifest.source import Cell
from batchgen.planning.cells import CellError, parse_seed
from batchgen.planning.identity import LARGEST_SEED
from batchgen.planning.row_settings import RowSettings

# Integers of more digits go the slow way, which can say what is wrong with them.
_PLAIN_DIGITS = 18

# For a row whose model takes no seed: it is read all the same, and ignored with a warning.
_ANY_SEED = Field(type="integer")


def parse_seeds(
    cells: Sequence[Cell], settings: Sequence[RowSettings], distinct: Collection[RowSettings], column: int
) -> tuple[list[int | None], list[FoundInRow]]:
    """Turn cells into seeds; empty cells, and cells that hold none, become None."""
    seeds = _plain_integers(cells)
    fields = [one.model.fields["seed"] for one in distinct if one.model.takes_seed]
    if seeds is not None:
        given = [seed for seed in seeds if seed is not None] if None in seeds else seeds
        ends = (min(given), max(given)) if given else ()  # type: ignore[type-var]
        if all(_fits(end, field) for field in fields for end in ends if end is not None):
            return seeds, []
    return _parse_each(cells, settings, column)


def effective_seeds(
    seeds: Sequence[int | None], settings: Sequence[RowSettings], distinct: Collection[RowSettings], column: int | None
) -> tuple[Sequence[int | None], list[FoundInRow]]:
    """Fill in configured seeds and drop those that would change nothing, with a warning for each of the row's own."""
    if all(one.seed_field is not None and one.default_seed is None for one in distinct):
        return seeds, []
    effective: list[int | None] = []
    found: list[FoundInRow] = []
    for row, (seed, one) in enumerate(zip(seeds, settings, strict=True)):
        if one.seed_field is not None:
            effective.append(one.default_seed if seed is None else seed)
            continue
        effective.append(None)
        if seed is not None:
            found.append((row, Finding("W003", f"the seed {seed} has no effect: {one.seed_note}", column)))
    return effective, found


def _fits(seed: int, field: Field) -> bool:
    return field.accepts(seed) and abs(seed) <= LARGEST_SEED


def _plain_integers(cells: Sequence[Cell]) -> list[int | None] | None:
    """Convert cells that are all empty, digits or integers; None if one of them needs a closer look."""
    kinds = set(map(type, cells))
    if kinds <= {int, type(None)}:
        return cast("list[int | None]", cells)
    if not kinds <= {str, type(None)}:
        return None
    texts = cast("Sequence[str | None]", cells)
    joined = "".join(filter(None, texts))
    if joined and not (
        joined.isascii() and joined.isdigit() and max(len(text or "") for text in texts) <= _PLAIN_DIGITS
    ):
        return None
    return [int(text) if text else None for text in texts]


def _parse_each(
    cells: Sequence[Cell], settings: Sequence[RowSettings], column: int
) -> tuple[list[int | None], list[FoundInRow]]:
    seeds: list[int | None] = []
    found: list[FoundInRow] = []
    for row, (cell, one) in enumerate(zip(cells, settings, strict=True)):
        seed = None
        if cell not in ("", None):
            try:
                seed = parse_seed(one.model.fields.get("seed", _ANY_SEED), cell)
            except CellError as error:
                found.append((row, Finding(error.code, error.message, column)))
        seeds.append(seed)
    return seeds, found
