"""Cells of text become values in the index once their types are known, and until then nothing that they say is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, Labels, Updates, answer, attempts, image, request, writing

from batchgen.core.cell_types import CellTypes

SCHEMA = pa.schema([("label", pa.string())])
INT, FLOAT, TEXT = pa.int64(), pa.float64(), pa.string()


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record is a part of its own until the clean stop."""
    monkeypatch.setattr("batchgen.dataset.wal.active_segment._RECORDS_PER_SEGMENT", 1)
    monkeypatch.setattr("batchgen.dataset.index.compaction._SMALL_ROWS", 1)
    monkeypatch.setattr("batchgen.dataset.index.compaction._GROWTH", 0)


def types_of(cells: Sequence[str]) -> CellTypes:
    types = CellTypes(SCHEMA)
    types.add(pa.RecordBatch.from_pydict({"label": [*cells]}), ())
    return types


async def buy(
    out: Path, cells: Mapping[int, str], manifest: Sequence[str] = (), known_after: int = 0, run_id: str = "run"
) -> None:
    """A run that buys rows with these cells; the types are known after so many of them."""
    types = types_of([*cells.values(), *manifest])
    labels = Labels({row: {"label": cell} for row, cell in cells.items()}, SCHEMA)
    updates = Updates({}, SCHEMA)
    labels.cell_types = updates.cell_types = types
    with writing(out, labels, run_id=run_id, updates=updates) as writer:
        for bought, row in enumerate(cells):
            if bought == known_after:
                types.decide()
            await writer.save(request(row), answer(image(row)), attempts())
        types.decide()


def read(out: Path) -> tuple[pa.DataType, list[Any]]:
    """The column of the index, whose parts all have one schema."""
    schemas = [pq.read_schema(path) for path in parts_of(FolderLayout(out))]
    assert all(schema.equals(schemas[0]) for schema in schemas)
    column = pq.read_table(out / "index").sort_by("row_number")["label"]
    return column.type, column.to_pylist()


@pytest.mark.parametrize("known_after", range(4))
async def test_whenever_types_are_known_the_index_has_them_in_the_end(out: Path, known_after: int) -> None:
    await buy(out, {0: "7", 1: "", 2: "-3"}, known_after=known_after)
    assert read(out) == (INT, [7, None, -3])


@pytest.mark.parametrize("known_after", range(4))
async def test_what_fits_the_index_leaves_its_parts_alone_before_the_types_are_known(
    out: Path, known_after: int
) -> None:
    await buy(out, {0: "7"})
    (path,) = parts_of(FolderLayout(out))
    before = path.stat().st_mtime_ns
    await buy(out, {1: "8", 2: "", 3: "9"}, known_after=known_after, run_id="later")
    assert path.stat().st_mtime_ns == before
    assert read(out) == (INT, [7, 8, None, 9])


@pytest.mark.parametrize("is_known", [True, False])
async def test_what_a_killed_run_left_has_the_types_after_the_next(
    out: Path, crashed: Callable[[], Path], is_known: bool
) -> None:
    cells = {0: "7", 1: "", 2: "9"}
    labels = Labels({row: {"label": cell} for row, cell in cells.items()}, SCHEMA)
    labels.cell_types = types_of([*cells.values()])
    if is_known:
        labels.cell_types.decide()
    with writing(out, labels) as writer:
        for row in cells:
            await writer.save(request(row), answer(image(row)), attempts())
        cut = crashed()
    updates = Updates({row: {"label": cell} for row, cell in cells.items()}, SCHEMA)
    updates.cell_types = types_of([*cells.values()])
    updates.cell_types.decide()
    with writing(cut, NO_LABELS, run_id="later", updates=updates) as writer:
        assert len(writer.resume_index.keys) == 3
    assert read(cut) == (INT, [7, None, 9])


@pytest.mark.parametrize("known_after", range(3))
async def test_one_other_cell_makes_text_of_all(out: Path, known_after: int) -> None:
    await buy(out, {0: "7"})
    await buy(out, {1: "8", 2: "007"}, known_after=known_after, run_id="later")
    assert read(out) == (TEXT, ["7", "8", "007"])


async def test_whole_numbers_that_float64_does_not_hold_are_text_beside_others(out: Path) -> None:
    await buy(out, {0: "0.5"})
    await buy(out, {1: "12345678901234567"}, run_id="later")
    assert read(out) == (TEXT, ["0.5", "12345678901234567"])


@pytest.mark.parametrize("cells", [("0.5", "7"), ("7", "0.5")])
async def test_other_whole_numbers_become_float64_beside_others(out: Path, cells: tuple[str, str]) -> None:
    for row, cell in enumerate(cells):
        await buy(out, {row: cell}, run_id=f"run-{row}")
    assert read(out) == (FLOAT, [*map(float, cells)])


async def test_a_cell_of_a_row_that_is_no_row_is_null_in_a_column_of_numbers(out: Path) -> None:
    types = types_of(["7"])
    types.decide()
    labels = Labels({0: {"label": "7"}, 1: {"label": " red"}}, SCHEMA)
    labels.cell_types = types
    with writing(out, labels) as writer:
        for row in range(2):
            await writer.save(request(row), answer(image(row)), attempts())
    assert read(out) == (INT, [7, None])
