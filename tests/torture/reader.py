"""Reads a dataset ten times a second until its stdin ends; says on stdout what it could not read."""

from __future__ import annotations

import select
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.dataset.layout import VIEW, Layout, layout_at
from batchgen.dataset.read.summary import summarise


def read_all(root: Path, layout: Layout) -> int:
    """Read every Parquet file, and count the dataset as `batchgen status` does."""
    files = 0
    for name in [*layout.part_names().values(), VIEW]:
        path = root / name
        try:
            # Opened once: `pq.read_table` opens a path twice, and may find a newer file the second time.
            with path.open("rb") as file:
                pq.read_table(file)
            files += 1
        except FileNotFoundError:
            continue  # merged away, or not yet there
        except (pa.ArrowException, OSError) as error:
            print(f"unreadable {path}: {error}")
    if layout.is_dataset():
        summarise(layout)
    return files


def main() -> None:
    root, files = Path(sys.argv[1]), 0
    layout = layout_at(root)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        files += read_all(root, layout)
    print(f"{files} files read")


main()
