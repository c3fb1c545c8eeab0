"""P5: labels are the manifest's of today; a run brings index and view up to date with them and buys nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout

from batchgen.manifest import csv_source

if TYPE_CHECKING:
    from conftest import Batch

ROWS: list[dict[str, Any]] = [
    {"id": f"r{number}", "prompt": f"a fox {number}", "num_images": 5 if number == 4 else 1, "label": f"old {number}"}
    for number in range(7)
]
ROWS[2]["num_images"] = 0  # a wrong row


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are read at a time, so that some chunks change and others do not."""
    monkeypatch.setattr(csv_source, "BATCH_ROWS", 3)


def view(batch: Batch) -> list[tuple[Any, ...]]:
    table = pq.read_table(FolderLayout(batch.out).view)
    return [(row["row_id"], row.get("label")) for row in table.to_pylist()]


def index(batch: Batch) -> dict[str, set[tuple[Any, ...]]]:
    """Label, row number and line of each row's records."""
    found: dict[str, set[tuple[Any, ...]]] = {}
    for record in batch.records():
        found.setdefault(record["row_id"], set()).add((record.get("label"), record["row_number"], record["line"]))
    return found


def assert_follows(batch: Batch, rows: Sequence[dict[str, Any]]) -> None:
    """Index and view say what the manifest says, in its order."""
    assert index(batch) == {row["id"]: {(row["label"], at, at + 2)} for at, row in enumerate(rows)}
    assert view(batch) == [(row["id"], row["label"]) for row in rows for _ in range(row["num_images"])]


async def test_changed_labels_and_another_order_reach_index_and_view_for_nothing(batch: Batch) -> None:
    await batch.run(ROWS)
    assert_follows(batch, ROWS)
    bought = len(batch.simulator.bill.arrivals)

    changed = [row | {"label": f"new {row['id']}"} if row["id"] in ("r2", "r4") else row for row in ROWS]
    await batch.run(changed)
    assert_follows(batch, changed)
    await batch.run(changed[::-1])
    assert_follows(batch, changed[::-1])
    assert len(batch.simulator.bill.arrivals) == bought


async def test_a_column_that_is_added_or_removed_is_added_or_removed(batch: Batch) -> None:
    bare = [{name: cell for name, cell in row.items() if name != "label"} for row in ROWS]
    await batch.run(bare)
    assert {row for _, row in view(batch)} == {None}
    await batch.run(ROWS)
    assert_follows(batch, ROWS)
    await batch.run(bare)
    assert "label" not in pq.read_schema(FolderLayout(batch.out).view).names
    assert len(batch.simulator.bill.arrivals) == 7


async def test_nothing_is_written_again_where_nothing_changed(batch: Batch) -> None:
    await batch.run(ROWS)
    layout = FolderLayout(batch.out)
    files = [layout.view, *parts_of(layout)]
    before = [file.stat().st_mtime_ns for file in files]
    await batch.run(ROWS)
    assert [file.stat().st_mtime_ns for file in files] == before
    assert not layout.label_updates.exists()
    assert not layout.work_list.exists()
