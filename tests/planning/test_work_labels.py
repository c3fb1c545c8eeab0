"""Labels in the work list: those of its rows, found by their numbers, in the types that the manifest has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.work_lists import ROWS, RULES, plan, read, work_file

from batchgen.manifest import open_manifest
from batchgen.planning import read_rows
from batchgen.planning.selection import Selection
from batchgen.planning.work_list import FileWorkList


def test_labels_of_listed_rows_are_found_by_their_row_numbers(in_threes: Callable[[Sequence[str]], Any]) -> None:
    @given(
        rows=st.lists(st.sampled_from(ROWS), min_size=1, max_size=30),
        asked=st.lists(st.integers(0, 35), max_size=50),
        limit=st.none() | st.integers(0, 20),
    )
    @settings(max_examples=60, deadline=None)
    def found(rows: list[str], asked: list[int], limit: int | None) -> None:
        manifest = in_threes(rows)
        labels = {
            batch.first_row_number + row: cells
            for batch in read_rows(manifest, RULES)
            for row, cells in enumerate(batch.labels().to_pylist())
        }
        work = work_file(manifest)
        plan(manifest, work, selection=Selection(limit=limit))
        requests, rejected = asyncio.run(read(FileWorkList(work)))
        listed = {request.row_number for request in requests} | {row.row_number for row in rejected}
        table = work.labels(asked)
        assert table.schema == work.schema
        assert table.to_pylist() == [labels[row] if row in listed else {"label": None} for row in asked]
        assert work.known(asked).tolist() == [row in listed for row in asked]

    found()


def test_labels_keep_the_types_that_the_manifest_has(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"prompt": ["a fox", "an owl"], "score": [0.5, None], "tags": [["a"], []], "row_id": [1, 2]})
    manifest = open_manifest(frame)
    work = work_file(manifest)
    plan(manifest, work)
    assert work.schema.types == [pa.float64(), pa.list_(pa.string()), pa.int64()]
    assert work.labels([1, 7, 0]).to_pylist() == [
        {"score": None, "tags": [], "row_id": 2},
        {"score": None, "tags": None, "row_id": None},
        {"score": 0.5, "tags": ["a"], "row_id": 1},
    ]


def test_a_manifest_without_labels_has_none(in_threes: Callable[[Sequence[str]], Any], tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("id,prompt\n1,a fox\n")
    manifest = open_manifest(path)
    work = work_file(manifest)
    plan(manifest, work)
    assert work.labels([0]).schema == pa.schema([])
    assert work.known([0, 1]).tolist() == [True, False]
