"""Columns under the names that batchgen has for them: `prompt=caption` reads the column `caption` as `prompt`.

A column that has such a name by itself, and is not what the user means, passes through as `manifest_NAME`: so the
index calls columns whose names are its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.core.suggest import did_you_mean


def new_names(manifest: str, columns: Sequence[str], meant: Mapping[str, str]) -> Sequence[str]:
    """Return the names that the columns of a manifest get, in their order.

    Args:
        manifest: What messages call it.
        columns: The names that it has by itself.
        meant: For names of batchgen the column that is meant.

    Raises:
        ManifestError: a column is not there, is meant by two names, or none is left that has the prompts.
    """
    problems = [_missing(manifest, columns, name, column) for name, column in meant.items() if column not in columns]
    names: dict[str, str] = {}
    for name, column in meant.items():
        if names.setdefault(column, name) != name:
            text = f"the column {column!r} is to be read as {names[column]!r} and as {name!r}; name another for one"
            problems.append(Problem("E011", manifest, text, 1, 1, column))
    renamed = [names.get(column, f"manifest_{column}" if column in meant else column) for column in columns]
    for name, times in Counter(renamed).items():
        if times > 1:
            text = f"two columns would have the name {name!r}; rename one of them in the manifest"
            problems.append(Problem("E011", manifest, text, 1, 1, name))
    if not problems and "prompt" in columns and "prompt" not in renamed:
        text = f"the column 'prompt' is to be read as {names['prompt']!r}, and no other as 'prompt'; name it, too"
        problems.append(Problem("E011", manifest, text, 1, columns.index("prompt") + 1, "prompt"))
    if problems:
        raise ManifestError(problems)
    return renamed


def _missing(manifest: str, columns: Sequence[str], name: str, column: str) -> Problem:
    shown = ", ".join(repr(one[:40]) for one in columns[:8]) + (", ..." if len(columns) > 8 else "")
    near = did_you_mean(column, columns) or f"there are {shown}"
    return Problem("E011", manifest, f"there is no column {column!r} to read as {name!r}; {near}", 1, 1, column)
