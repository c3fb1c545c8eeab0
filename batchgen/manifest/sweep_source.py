"""A sweep as a manifest: its rows are a table, each with the line that it comes from."""

from __future__ import annotations

from pathlib import Path

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.core.toml import find_tables, read_toml
from batchgen.manifest.arrow_source import ArrowManifest
from batchgen.manifest.memory_source import open_columns, typed
from batchgen.manifest.sweep import expand
from batchgen.manifest.sweep_file import read_sweep


def open_sweep(path: Path, name: str, prompt: str = "prompt") -> ArrowManifest:
    """Open a `.toml` manifest. Raises ManifestError with all that is wrong with it."""
    sweep = read_sweep(path, name)
    used: set[int] = set()
    rows = expand(sweep, used.add)
    problems = []
    places = find_tables(read_toml(path), "exclude")
    for number in sorted(set(range(len(sweep.excludes))) - used):
        line, column = places[number] if number < len(places) else (1, 1)
        problems.append(Problem("E082", name, "this exclude matches no combination of the axes", line, column))
    if len(rows) > sweep.max_rows:
        text = f"the sweep has {len(rows):,} rows, and max_rows is {sweep.max_rows:,}; raise it, exclude or sample"
        problems.append(Problem("E084", name, text, *sweep.place))
    if not rows and not problems:
        text = "the sweep has no rows; write axes with `id` and `prompt`, or [[row]]"
        problems.append(Problem("E010", name, text, 1, 1))
    if problems:
        raise ManifestError(problems)
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    ids = typed([row.row_id for row in rows])
    others = [typed([row.cells.get(column) for row in rows]) for column in columns]
    return open_columns(name, ["id", *columns], [ids, *others], prompt, [row.line for row in rows])
