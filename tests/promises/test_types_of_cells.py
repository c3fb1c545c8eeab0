"""Numbers and booleans of a CSV are such in the dataset where every cell agrees, and cost no image when they drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode
from batchgen.manifest import csv_source
from batchgen.manifest.csv_source import CsvManifest

if TYPE_CHECKING:
    from conftest import Batch

INT, FLOAT, BOOL, TEXT = pa.int64(), pa.float64(), pa.bool_(), pa.string()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are read at a time, so that one chunk alone does not decide."""
    monkeypatch.setattr(csv_source, "BATCH_ROWS", 3)


def rows(labels: Sequence[object], first: int = 0) -> list[dict[str, Any]]:
    """Rows with one label each; their ids say where they stand."""
    return [
        {"id": f"r{number}", "prompt": f"a fox {number}", "label": label} for number, label in enumerate(labels, first)
    ]


def read(batch: Batch, column: str = "label") -> tuple[pa.DataType, list[Any]]:
    """A column of the index, as a plain glob over the parts reads it; every part and the view have its type."""
    paths = sorted((batch.out / "index").glob("*.parquet"))
    schemas = [pq.read_schema(path) for path in paths]
    assert all(schema.equals(schemas[0]) for schema in schemas)
    table = pq.read_table(batch.out / "index").sort_by("row_id")
    view = pq.read_table(FolderLayout(batch.out).view)
    assert view.schema.field(column).type.equals(table.schema.field(column).type)
    labels = dict(zip(table["row_id"].to_pylist(), table[column].to_pylist(), strict=True))
    shown = zip(view["row_id"].to_pylist(), view[column].to_pylist(), strict=True)
    assert all(labels[row_id] == label for row_id, label in shown)
    return table.schema.field(column).type, [*labels.values()]


def bought(batch: Batch) -> int:
    return len(batch.simulator.bill.charges)


async def test_columns_have_the_type_on_which_all_their_cells_agree(batch: Batch) -> None:
    columns: Mapping[str, tuple[list[str], pa.DataType, list[Any]]] = {
        "label_id": (["7", "50", "", "3"], INT, [7, 50, None, 3]),
        "score": (["0.5", "1", "", "2.0"], FLOAT, [0.5, 1.0, None, 2.0]),
        "keep": (["True", "", "False", "True"], BOOL, [True, None, False, True]),
        "code": (["007", "1", "2", ""], TEXT, ["007", "1", "2", ""]),
        "late": (["1", "2", "3", "x"], TEXT, ["1", "2", "3", "x"]),
        "status": (["1", "2", "3", "4"], INT, [1, 2, 3, 4]),
        "blank": ([""] * 4, TEXT, [""] * 4),
    }
    manifest = [
        {"id": f"r{at}", "prompt": f"a fox {at}"} | {name: cells[at] for name, (cells, *_) in columns.items()}
        for at in range(4)
    ]
    await batch.run(manifest)
    for name, (_, kind, values) in columns.items():
        assert read(batch, "manifest_status" if name == "status" else name) == (kind, values)
    frame = pd.concat(map(pd.read_parquet, (batch.out / "index").glob("*.parquet")))
    assert sorted(frame[frame.label_id < 50].row_id) == ["r0", "r3"]


async def test_where_compares_numbers(batch: Batch, tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="needs the extra 'export'")
    await batch.run(rows(["7", "50", "", "3"]))
    assert main(["export", "captions", str(batch.out), str(tmp_path / "few"), "--where", "label < 50"]) == ExitCode.OK
    assert sorted(path.read_text() for path in (tmp_path / "few").glob("*.txt")) == ["a fox 0", "a fox 3"]


async def test_the_same_command_writes_nothing_again(batch: Batch) -> None:
    manifest = rows(["1.0", "", "2.0", "3.5"])
    await batch.run(manifest)
    layout = FolderLayout(batch.out)
    files = [layout.view, *parts_of(layout)]
    before = [file.stat().st_mtime_ns for file in files]
    await batch.run(manifest)
    assert [file.stat().st_mtime_ns for file in files] == before
    assert bought(batch) == 4


DRIFT: list[tuple[list[str], list[str], pa.DataType, list[Any]]] = [
    (["1", "2", "", "4"], ["1", "2", "", "4", "n/a"], TEXT, ["1", "2", "", "4", "n/a"]),
    (["1.0", "", "2.5", "4.25"], ["1.0", "", "2.5", "4.25", "n/a"], TEXT, ["1.0", "", "2.5", "4.25", "n/a"]),
    (
        ["True", "False", "", "True"],
        ["True", "False", "", "True", "maybe"],
        TEXT,
        ["True", "False", "", "True", "maybe"],
    ),
    (["1", "2", "", "4"], ["1", "2", "", "4", "0.5"], FLOAT, [1.0, 2.0, None, 4.0, 0.5]),
    (["1", "2", "n/a", "4"], ["1", "2", "3", "4", "5"], INT, [1, 2, 3, 4, 5]),
    (["1", "0", "1", ""], ["true", "false", "true", "", "true"], BOOL, [True, False, True, None, True]),
    (["", "", "", ""], ["", "", "", "", "5"], INT, [None, None, None, None, 5]),
    (["1", "2", "3", "4"], ["", "", "", "", ""], INT, [None, None, None, None, None]),
    (["1", "2", "3", "4"], ["001", "002", "003", "004", "005"], TEXT, ["001", "002", "003", "004", "005"]),
]


@pytest.mark.parametrize(("first", "then", "kind", "kept"), DRIFT)
async def test_a_column_whose_type_changes_says_what_the_manifest_says_and_buys_nothing(
    batch: Batch, first: list[str], then: list[str], kind: pa.DataType, kept: list[Any]
) -> None:
    await batch.run(rows(first))
    await batch.run(rows(then))
    assert read(batch) == (kind, kept)
    assert bought(batch) == 5
    await batch.run(rows(then))
    assert read(batch) == (kind, kept)
    assert bought(batch) == 5


async def test_rows_that_are_gone_keep_their_label_as_text_beside_text(batch: Batch) -> None:
    await batch.run(rows(["1", "", "3"]))
    await batch.run(rows(["n/a", "5"], first=3))
    assert read(batch)[0].equals(TEXT)
    assert {row["row_id"]: row["label"] for row in batch.records()} == {
        "r0": "1",
        "r1": None,
        "r2": "3",
        "r3": "n/a",
        "r4": "5",
    }
    await batch.run(rows(["4", "5"], first=3))
    assert read(batch) == (INT, [1, None, 3, 4, 5])
    assert bought(batch) == 5


async def test_text_of_a_row_that_is_gone_keeps_the_column_text_as_the_manifest_has_it(batch: Batch) -> None:
    await batch.run(rows(["n/a", "1.0", "2.0"]))
    for _ in range(2):
        await batch.run(rows(["1.0", "2.5", "3.0"], first=1))
        assert read(batch) == (TEXT, ["n/a", "1.0", "2.5", "3.0"])
    assert bought(batch) == 4


async def test_a_dataset_whose_labels_are_all_text_goes_on_for_nothing(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version kept each column of a CSV as text."""
    manifest = rows(["1", "", "3", "4"])
    with monkeypatch.context() as earlier:
        earlier.setattr(CsvManifest, "has_types", True)
        await batch.run(manifest)
    assert read(batch) == (TEXT, ["1", "", "3", "4"])
    await batch.run(manifest)
    assert read(batch) == (INT, [1, None, 3, 4])
    assert bought(batch) == 4


async def test_a_row_that_is_no_row_costs_no_column_its_type(batch: Batch, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("id,prompt,label\na,a fox,1\nb,a fox, red,2\nc,a hare,3\n")
    await batch.run(path)
    assert read(batch) == (INT, [1, None, 3])
    path.write_text('id,prompt,label\na,a fox,1\nb,"a fox, red",2\nc,a hare,3\n')
    await batch.run(path)
    assert {row["row_id"]: row["label"] for row in batch.records() if row["status"] == "ok"} == {"a": 1, "b": 2, "c": 3}
    assert read(batch)[0].equals(INT)


async def test_a_typed_manifest_and_a_csv_meet(batch: Batch, tmp_path: Path) -> None:
    table = pa.table({"id": ["p0", "p1"], "prompt": ["an owl", "a bat"], "label": pa.array([7, None], pa.int32())})
    pq.write_table(table, tmp_path / "m.parquet")
    await batch.run(tmp_path / "m.parquet")
    assert read(batch) == (pa.int32(), [7, None])
    await batch.run(rows(["8", ""]))
    assert read(batch) == (INT, [7, None, 8, None])
    pq.write_table(table.set_column(2, "label", pa.array(["5", "6"])), tmp_path / "m.parquet")
    await batch.run(tmp_path / "m.parquet")
    assert read(batch) == (TEXT, ["5", "6", "8", None])
    assert bought(batch) == 4
