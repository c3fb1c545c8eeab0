"""No type of a manifest's own column costs an image: it is kept, or its text is, and every part has one schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import batchgen

if TYPE_CHECKING:
    from conftest import Simulate

    from batchgen.simulator import SimulatorThread

IDS = ["a", "b"]


def arrow(values: list[object], kind: pa.DataType) -> pd.arrays.ArrowExtensionArray:
    return pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(values, kind)]))


ODD: Mapping[str, tuple[object, list[object]]] = {
    "no fields": ([{}, {}], ["{}", "{}"]),
    "no fields within": ([{"k": 1, "more": {}}, None], ['{"k":1,"more":{}}', None]),
    "months": (
        arrow([pa.MonthDayNano([1, 0, 0]), None], pa.month_day_nano_interval()),
        ['{"months":1,"days":0,"nanoseconds":0}', None],
    ),
    "several types": ([1, "x"], ["1", "x"]),
    "complex": (np.array([1 + 2j, 0]), ["(1+2j)", "0j"]),
    "sparse": (pd.arrays.SparseArray([0, 1]), [0, 1]),
    "list view": (arrow([[1], [2, 3]], pa.list_view(pa.int64())), [[1], [2, 3]]),
    "months of a year": (pd.PeriodIndex(["2026-01", "2026-02"], freq="M"), ["2026-01", "2026-02"]),
    "tables": ([np.zeros((1, 2)), np.ones((1, 2))], ["[[0.0,0.0]]", "[[1.0,1.0]]"]),
    "lists of nothing": (arrow([[], None], pa.list_(pa.int8(), 0)), [[], None]),
    "bytes of nothing": (arrow([b"", None], pa.binary(0)), [b"", None]),
    "all null": ([None, None], [None, None]),
}


def run(frame: pd.DataFrame, out: Path, simulator: SimulatorThread) -> None:
    settings = {"api.base_url": simulator.url, "limits.requests_per_minute": 60_000, "gallery": False}
    assert batchgen.run_sync(frame, out, settings=settings, progress=False).stop is None


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-types-0123456789")


@pytest.mark.parametrize("name", ODD)
def test_a_column_of_any_type_is_kept_and_costs_no_image(simulate: Simulate, tmp_path: Path, name: str) -> None:
    values, kept = ODD[name]
    simulator, out = simulate(), tmp_path / "out"
    frame = pd.DataFrame({"id": IDS, "prompt": ["a fox", "an owl"], "own": values})
    for _ in range(2):
        run(frame, out, simulator)
    assert len(simulator.bill.charges) == 2
    for place in (out / "index", out / "metadata.parquet"):
        found = pq.read_table(place, columns=["row_id", "own"]).sort_by("row_id")
        assert found["own"].to_pylist() == kept


DRIFTING: list[tuple[pa.Array, pa.Array, list[object]]] = [
    (pa.array([1, 2]), pa.array([1.0, None]), [1.0, 2.0, 1.0, None]),
    (pa.array([1, 2]), pa.array(["x", "y"]), ["1", "2", "x", "y"]),
    (pa.array([[], []], pa.list_(pa.null())), pa.array([["x"], []]), [[], [], ["x"], []]),
    (
        pa.array([{"k": 1}] * 2),
        pa.array([{"k": 2, "l": "x"}] * 2),
        [{"k": 1, "l": None}] * 2 + [{"k": 2, "l": "x"}] * 2,
    ),
    (pa.array([{"k": 1}] * 2), pa.array([[1], [2]]), ['{"k":1}', '{"k":1}', "[1]", "[2]"]),
    (pa.nulls(2), pa.array([True, False]), [None, None, True, False]),
    (pa.array([7, 8], pa.time32("s")), pa.nulls(2), [time(0, 0, 7), time(0, 0, 8), None, None]),
]


@pytest.mark.parametrize("case", range(len(DRIFTING)))
def test_types_that_change_between_runs_meet_in_one_schema(simulate: Simulate, tmp_path: Path, case: int) -> None:
    first, then, kept = DRIFTING[case]
    simulator, out = simulate(), tmp_path / "out"
    for number, own in enumerate((first, then)):
        path = tmp_path / f"{number}.parquet"
        ids = [f"{number}{id_}" for id_ in IDS]
        pq.write_table(pa.table({"id": ids, "prompt": [f"fox {id_}" for id_ in ids], "own": own}), path)
        settings = {"api.base_url": simulator.url, "limits.requests_per_minute": 60_000, "gallery": False}
        batchgen.run_sync(path, out, settings=settings, progress=False)
        written = [file.stat().st_mtime_ns for file in sorted((out / "index").glob("*.parquet"))]
        batchgen.run_sync(path, out, settings=settings, progress=False)
        assert [file.stat().st_mtime_ns for file in sorted((out / "index").glob("*.parquet"))] == written
    assert len(simulator.bill.charges) == 4
    found = pq.read_table(out / "index", columns=["row_id", "own"]).sort_by("row_id")["own"].to_pylist()
    assert found == kept
