"""Problems for people: of a kind that repeats over and over, the first stands for all, with their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from batchgen._api.check import Check, Problem
from batchgen.core.format import count

# More of one kind have one cause, which is mended in one place and not line by line.
_MANY = 100


@dataclass(slots=True)
class _Kind:
    """Problems with one code, in one column. kept: those that are shown, with their positions among all."""

    kept: list[tuple[int, Problem]] = field(default_factory=list)
    number: int = 0
    last_line: int | None = None


def grouped(check: Check) -> Iterator[Problem]:
    """Make a check, and yield what it found in the order of the file, but one problem for more than a hundred."""
    kinds: dict[tuple[str, str | None], _Kind] = {}
    for position, problem in enumerate(check):
        # A check does not name each of a thousand warnings; how many there are, it knows by their code alone.
        kind = kinds.setdefault((problem.code, problem.column_name if problem.is_error else None), _Kind())
        kind.number += 1
        kind.last_line = problem.line
        if kind.number <= _MANY:
            kind.kept.append((position, problem))
    shown: list[tuple[int, Problem]] = []
    for (code, _), kind in kinds.items():
        number = kind.number if code.startswith("E") else check.count_of(code)
        shown += kind.kept if number <= _MANY else [_one_for_all(kind, number)]
    yield from (problem for _, problem in sorted(shown, key=lambda pair: pair[0]))


def _one_for_all(kind: _Kind, number: int) -> tuple[int, Problem]:
    position, first = kind.kept[0]
    until = f" down to line {kind.last_line}" if first.is_error and kind.last_line is not None else ""
    return position, replace(first, message=f"{count(number, 'row')} as this one{until}: {first.message}")
