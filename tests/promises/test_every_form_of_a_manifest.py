"""P5 for every form that a manifest may have: each image is bought once, whichever form the same rows come in next."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from conftest import Batch

ROWS: list[dict[str, Any]] = [
    {"id": "fox", "prompt": "a fox", "seed": 7, "num_images": 2, "enhance_prompt": True, "weight": 0.5},
    {"id": "owl", "prompt": "an owl", "seed": None, "num_images": 1, "enhance_prompt": None, "weight": 2.0},
    {"id": "hare", "prompt": "a hare\nin snow", "seed": 3, "num_images": 1, "enhance_prompt": False, "weight": None},
]
IMAGES = 4


def as_lines(folder: Path) -> Path:
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def as_packed_lines(folder: Path) -> Path:
    """Without the keys that have no value."""
    rows = ({key: value for key, value in row.items() if value is not None} for row in ROWS)
    path = folder / "m.ndjson.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def as_array(folder: Path) -> Path:
    path = folder / "m.json"
    path.write_text(json.dumps(ROWS, indent=1))
    return path


def as_parquet(folder: Path) -> Path:
    path = folder / "m.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def as_spreadsheet(folder: Path) -> Path:
    workbook = openpyxl.Workbook()
    workbook.active.append(list(ROWS[0]))
    for row in ROWS:
        workbook.active.append(list(row.values()))
    workbook.save(folder / "m.xlsx")
    return folder / "m.xlsx"


FORMS: Mapping[str, Callable[[Path], Any]] = {
    "lines of JSON": as_lines,
    "lines of JSON, packed": as_packed_lines,
    "an array of JSON": as_array,
    "Parquet": as_parquet,
    "a spreadsheet": as_spreadsheet,
}


@pytest.mark.parametrize("form", FORMS)
async def test_each_image_is_bought_once_and_a_resumed_run_sends_nothing(
    batch: Batch, tmp_path: Path, form: str
) -> None:
    for _ in range(2):
        summary = await batch.run(FORMS[form](tmp_path))
        assert (summary.stop, summary.plan.images) == (None, IMAGES)
    assert len(batch.simulator.bill.arrivals) == len(ROWS)
    shown = pq.read_table(batch.out / "metadata.parquet", columns=["row_id", "prompt", "weight"]).to_pylist()
    assert shown == [{"row_id": row["id"], "prompt": row["prompt"], "weight": row["weight"]} for row in ROWS[:1] + ROWS]


async def test_the_same_rows_in_another_form_cost_nothing(batch: Batch, tmp_path: Path) -> None:
    await batch.run(ROWS)  # as CSV
    for put in FORMS.values():
        assert batch.plan(put(tmp_path)).up_to_date.images == IMAGES
        assert (await batch.run(put(tmp_path))).plan.up_to_date.images == IMAGES
    assert len(batch.simulator.bill.arrivals) == len(ROWS)
