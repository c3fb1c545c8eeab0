"""Makes what the large works need: manifests of any length, and datasets in which their first rows are done.

A dataset is made as batchgen leaves it after clean stops: parts of half a million records and the
dataset view. Only the image files are missing; no work that is measured opens them.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from batchgen import __version__
from batchgen.catalog import load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.keys import NO_KEYS
from batchgen.core.outcomes import Status
from batchgen.dataset.index.parts import write_part
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.layout import IMAGES, INDEX, WAL, image_name, layout_at
from batchgen.dataset.publish.view import write_view
from batchgen.manifest import open_manifest
from batchgen.planning import read_rows
from batchgen.planning.batch import RowBatch
from batchgen.planning.rules import make_rules

_PART_ROWS = 500_000
_BATCH_ROWS = 50_000
_RUN_ID = "20260801T200000Z-0000"
_THINGS = ("lighthouse", "harbour", "orchard", "library", "market", "railway station", "mountain hut", "observatory")
_STYLES = ("watercolour", "oil on canvas", "35 mm photograph", "linocut", "isometric drawing", "charcoal sketch")


def make_manifest(path: Path, rows: int) -> None:
    """Write a manifest of id, prompt and seed: the same rows in both forms, and at the start of a longer one."""
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("id", "prompt", "seed"))
            writer.writerows(map(_row, range(rows)))
        return
    schema = pa.schema([("id", pa.string()), ("prompt", pa.string()), ("seed", pa.int64())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, _BATCH_ROWS):
            columns = zip(*map(_row, range(start, min(rows, start + _BATCH_ROWS))), strict=True)
            writer.write_table(pa.table(list(map(pa.array, columns)), schema=schema))


def make_dataset(root: Path, manifest: Path, done: int) -> None:
    """Write the dataset in which the first `done` rows of a manifest are done."""
    layout = layout_at(root)
    for folder in (WAL, INDEX, IMAGES):
        (root / folder).mkdir(parents=True)
    rules = make_rules(RunConfig(), load_catalog([]))
    tables = (_records(batch, manifest) for batch in read_rows(open_manifest(manifest), rules))
    number, left = 0, done
    while left > 0:
        number += 1
        size = min(left, _PART_ROWS)
        write_part(layout, number, _take(tables, size), INDEX_SCHEMA)
        left -= size
    write_view(layout, NO_KEYS)


def _row(number: int) -> tuple[str, str, int]:
    thing, style = _THINGS[number % len(_THINGS)], _STYLES[number // 7 % len(_STYLES)]
    return f"row-{number:08d}", f"a {thing} at dusk, seen from the sea, {style}, take {number}", number * 40_503 % 2**32


_rest: list[pa.Table] = []


def _take(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The next so many rows; what is over of a table waits for the next call."""
    while rows > 0:
        table = _rest.pop() if _rest else next(tables)
        if len(table) > rows:
            _rest.append(table.slice(rows))
            table = table.slice(0, rows)
        rows -= len(table)
        yield table


def _records(batch: RowBatch, manifest: Path) -> pa.Table:
    count, first = len(batch), batch.first_row_number
    numbers = range(first, first + count)
    fingerprints = [fingerprint.hex() for fingerprint in batch.fingerprints]
    hashes = np.random.default_rng(first).bytes(32 * count).hex()
    seeds = batch.columns.seeds
    began = datetime(2026, 8, 1, 20, tzinfo=UTC)
    sent = [began + timedelta(milliseconds=20 * number) for number in numbers]
    varying = {
        "file_name": [image_name(n, f, 0, "png") for n, f in zip(numbers, fingerprints, strict=True)],
        "row_id": batch.row_ids,
        "prompt": batch.columns.prompts,
        "seed": seeds,
        "size_bytes": [1_500_000 + n % 9_973 for n in numbers],
        "sha256": [hashes[64 * n : 64 * n + 64] for n in range(count)],
        "client_request_id": [f"{_RUN_ID}.{f[:16]}.1" for f in fingerprints],
        "inference_id": [f"inf-{f[:20]}" for f in fingerprints],
        "sent_at": sent,
        "finished_at": [at + timedelta(seconds=9) for at in sent],
        "row_number": numbers,
        "fingerprint": fingerprints,
        "line": range(first + 1, first + 1 + count),
    }
    same = {
        "status": Status.OK.value,
        "image_number": 0,
        "request_number": 0,
        "seed_source": "manifest",
        "provider": "aimlapi",
        "model": "imagen-3.0-generate-002",
        "params": '{"add_watermark":false,"enhance_prompt":true,"num_images":1}',
        "aspect_ratio": "1:1",
        "width": 1024,
        "height": 1024,
        "mime_type": "image/png",
        "http_status": 200,
        "attempts": 1,
        "cost_usd": 0.04,
        "cost_source": "header",
        "latency_s": 9.0,
        "run_id": _RUN_ID,
        "batchgen_version": __version__,
        "manifest": str(manifest),
        "in_doubt_ids": [],
    }
    columns = [
        pa.array(list(varying[field.name]), field.type)
        if field.name in varying
        else pa.array([same.get(field.name)] * count, field.type)
        for field in INDEX_SCHEMA
    ]
    return pa.table(columns, schema=INDEX_SCHEMA)


if __name__ == "__main__":
    if sys.argv[1] == "manifest":
        make_manifest(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        make_dataset(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
