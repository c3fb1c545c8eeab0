"""A sweep as the table that it stands for: shown, or frozen into a CSV file."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path
from typing import TextIO

from batchgen.core.errors import UsageError
from batchgen.core.label_types import as_text
from batchgen.manifest import open_manifest

__all__ = ["write_expanded"]


def write_expanded(manifest: str | PathLike[str], to: TextIO) -> int:
    """Write a sweep's rows as CSV, with the same ids and the same requests; return how many there are.

    Raises:
        UsageError: the manifest is no sweep.
        ManifestError: the sweep is wrong.
    """
    if Path(manifest).suffix.lower() != ".toml":
        raise UsageError(f"{manifest} is a table already; `expand` is for a sweep, a .toml file.")
    opened = open_manifest(manifest)
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(opened.columns)
    rows = 0
    for chunk in opened.chunks():
        columns = [chunk.column(index) for index in range(len(opened.columns))]
        for cells in zip(*columns, strict=True):
            writer.writerow(["" if cell is None else as_text(cell) for cell in cells])
            rows += 1
    return rows
