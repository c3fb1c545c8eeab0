"""What merely reading takes: a manifest once into Python lists, batch by batch; an index once into memory."""

from __future__ import annotations

import csv
import sys
from itertools import islice
from pathlib import Path

_BATCH_ROWS = 10_000


def read_manifest(path: Path) -> int:
    """Read a manifest; return its rows."""
    rows = 0
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            next(reader)
            while batch := list(islice(reader, _BATCH_ROWS)):
                rows += len(batch)
        return rows
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as table:
        for records in table.iter_batches(_BATCH_ROWS):
            rows += len(records.to_pydict()["prompt"])
    return rows


def read_index(dataset: Path) -> int:
    """Read every column of a dataset's index, part by part; return its rows."""
    import pyarrow.parquet as pq

    rows = 0
    for path in sorted((dataset / "index").glob("part-*.parquet")):
        with pq.ParquetFile(path) as part:
            for batch in part.iter_batches():
                rows += batch.num_rows
    return rows


if __name__ == "__main__":
    print((read_manifest if sys.argv[1] == "manifest" else read_index)(Path(sys.argv[2])))
