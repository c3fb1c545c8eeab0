"""The view grows by what is new, and is always the one that would be written from nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.making import answer, attempts, image, request

from batchgen.core.answer import Answer
from batchgen.core.keys import Finder, Keys, Mask
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.index.parts import iterate, write_part
from batchgen.dataset.index.records import Provenance, records_of_answer
from batchgen.dataset.index.schema import to_table
from batchgen.dataset.layout import Layout
from batchgen.dataset.publish import row_group_cache, view
from batchgen.dataset.publish.view import Shows, write_view


def table_of(rows: range) -> pa.Table:
    """Records of rows; every fifth was blocked."""
    made = Provenance("run", "rows.csv")
    nothing = Answer((), 200, None, None)
    answers = {row: nothing if row % 5 == 4 else answer(image(row)) for row in rows}
    records = [records_of_answer(request(row), answers[row], attempts(), made) for row in rows]
    return to_table([record for one in records for record in one], b"")


TABLE = table_of(range(40))
KEYS = fingerprint_keys(TABLE["fingerprint"])


def new_layout(root: Path) -> Layout:
    layout = Layout(root)
    layout.index.mkdir(parents=True)
    return layout


def put(layout: Layout, number: int, first: int, last: int, table: pa.Table = TABLE) -> None:
    write_part(layout, number, iter([table.slice(first, last - first)]), table.schema)


def shown(layout: Layout) -> pa.Table:
    return pq.read_table(layout.view)


def everything(keys: Keys) -> Mask:
    return np.ones(len(keys), np.bool_)


def from_nothing(layout: Layout, shows: Shows) -> pa.Table:
    """The view as it is written where no view was."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = new_layout(Path(folder) / "out")
        shutil.copytree(layout.index, fresh.index, dirs_exist_ok=True)
        write_view(fresh, shows, "another run")
        return shown(fresh)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return new_layout(tmp_path / "out")


# A part of a number is written, replaced or removed; or the manifest asks for other rows.
STEPS = st.lists(
    st.tuples(st.just("put"), st.integers(1, 4), st.integers(0, 40), st.integers(0, 40))
    | st.tuples(st.just("remove"), st.integers(1, 4), st.just(0), st.just(0))
    | st.tuples(st.just("ask"), st.integers(0, 40), st.integers(0, 40), st.just(0)),
    min_size=1,
    max_size=8,
)


@given(steps=STEPS)
@settings(max_examples=40)
def test_the_view_is_that_which_is_written_from_nothing(steps: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout, shows = new_layout(Path(folder) / "out"), everything
        for what, number, first, last in steps:
            if what == "put":
                put(layout, number, min(first, last), max(first, last))
            elif what == "remove":
                layout.part(number).unlink(missing_ok=True)
            else:
                asked_for = np.sort(KEYS[min(number, first) : max(number, first)])
                shows = Finder(asked_for).contains
            write_view(layout, shows, "another run")
            assert shown(layout) == from_nothing(layout, shows)


def parts_read(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Write the view; return the parts whose records were written into it anew."""
    read: list[int] = []

    def noted(path: Path) -> Iterator[pa.RecordBatch]:
        read.append(int(path.stem.removeprefix("part-")))
        return iterate(path)

    monkeypatch.setattr(view, "iterate", noted)
    write_view(layout, everything, "")
    return read


def test_a_small_addition_costs_no_rewriting_of_what_was_there(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, 1, 0, 30)
    put(layout, 2, 30, 35)
    assert parts_read(layout, monkeypatch) == [1, 2]
    put(layout, 3, 35, 36)
    assert parts_read(layout, monkeypatch) == [3]
    layout.part(2).unlink()
    put(layout, 3, 30, 40)  # as a merge leaves them
    assert parts_read(layout, monkeypatch) == [3]
    assert parts_read(layout, monkeypatch) == []
    assert shown(layout) == from_nothing(layout, everything)


def test_records_that_were_corrected_are_written_anew(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, 1, 0, 20)
    put(layout, 2, 20, 40)
    write_view(layout, everything, "")
    costs = pa.array([0.05] * len(TABLE))
    put(layout, 1, 0, 20, TABLE.set_column(TABLE.column_names.index("cost_usd"), TABLE.schema.field("cost_usd"), costs))
    assert parts_read(layout, monkeypatch) == [1, 2]
    assert shown(layout) == from_nothing(layout, everything)


@pytest.mark.parametrize("damage", ["view", "sections", "no sections", "no view"])
def test_what_is_damaged_or_gone_is_made_again(layout: Layout, damage: str) -> None:
    put(layout, 1, 0, 30)
    write_view(layout, everything, "")
    victim = layout.view if "view" in damage else layout.sections
    if damage.startswith("no"):
        victim.unlink()
    else:
        content = bytearray(victim.read_bytes())
        content[len(content) // 3] ^= 0x10
        victim.write_bytes(content)
    put(layout, 2, 30, 40)
    write_view(layout, everything, "")
    assert shown(layout) == from_nothing(layout, everything)


def test_a_dataset_without_images_has_a_view_without_rows(layout: Layout) -> None:
    write_view(layout, everything, "")
    put(layout, 1, 4, 5)  # blocked
    write_view(layout, everything, "")
    assert shown(layout).num_rows == 0
    put(layout, 2, 0, 3)
    write_view(layout, everything, "")
    assert shown(layout).num_rows == 3


def test_another_version_takes_nothing_over(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may count, convert or write in another way."""
    put(layout, 1, 0, 30)
    write_view(layout, everything, "")
    assert parts_read(layout, monkeypatch) == []
    monkeypatch.setattr(row_group_cache, "__version__", "0.0.0")
    assert parts_read(layout, monkeypatch) == [1]


def test_an_old_view_that_cannot_be_read_is_made_again(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, 1, 0, 30)
    write_view(layout, everything, "")
    layout.view.write_bytes(layout.view.read_bytes()[:1000])
    assert parts_read(layout, monkeypatch) == [1]
    assert shown(layout) == from_nothing(layout, everything)
