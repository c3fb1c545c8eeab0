"""The view is in the manifest's order, always as if it were written from nothing, and written only if it changes."""

from __future__ import annotations

import os
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, request

from batchgen.core.answer import Answer
from batchgen.core.keys import NO_KEYS, Keys
from batchgen.dataset.index import order
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.parts import write_part
from batchgen.dataset.index.received import ReceivedAnswer, received_answer
from batchgen.dataset.index.records import Provenance, default_name, records_of_answer
from batchgen.dataset.index.schema import to_table
from batchgen.dataset.publish import view, view_state
from batchgen.dataset.publish.view import write_view

_GROUP_ROWS = 7


@pytest.fixture(autouse=True, scope="module")
def small_row_groups() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "GROUP_ROWS", _GROUP_ROWS)
        yield


def received(row: int, given: Answer) -> ReceivedAnswer:
    return received_answer(given, lambda slot, found: default_name(request(row), slot, found))


def table_of(rows: range) -> pa.Table:
    """Records of rows, in the order in which they were settled; every fifth was blocked."""
    made = Provenance("run", "rows.csv")
    nothing = Answer((), 200, None, None)
    answers = {row: nothing if row % 5 == 4 else answer(image(row)) for row in rows}
    settled = [*rows]
    np.random.default_rng(1).shuffle(settled)
    records = [records_of_answer(request(row), received(row, answers[row]), attempts(), made) for row in settled]
    return to_table([record for one in records for record in one])


TABLE = table_of(range(40))
KEYS = fingerprint_keys(TABLE["fingerprint"])


def new_layout(root: Path) -> FolderLayout:
    layout = FolderLayout(root)
    layout.index.mkdir(parents=True)
    return layout


def put(
    layout: FolderLayout, number: int, first: int, last: int, table: pa.Table = TABLE, is_sorted: bool = True
) -> None:
    records = table.slice(first, last - first)
    write_part(layout, number, iter([sort_records(records) if is_sorted else records]), table.schema)


def written(layout: FolderLayout) -> dict[str, bytes]:
    """What people load and read."""
    return {path.name: path.read_bytes() for path in (layout.view, layout.card, layout.croissant)}


def times(layout: FolderLayout) -> list[int]:
    return [path.stat().st_mtime_ns for path in (layout.view, layout.card, layout.croissant)]


def from_nothing(layout: FolderLayout, gone: Keys) -> dict[str, bytes]:
    """What is written where no view was."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = new_layout(Path(folder) / "out")
        shutil.copytree(layout.index, fresh.index, dirs_exist_ok=True)
        write_view(fresh, gone, "another run")
        return written(fresh)


@pytest.fixture
def layout(tmp_path: Path) -> FolderLayout:
    return new_layout(tmp_path / "out")


# A part of a number is written, replaced or removed; or the manifest asks for other rows.
STEPS = st.lists(
    st.tuples(st.just("put"), st.integers(1, 4), st.integers(0, 40), st.integers(0, 40), st.booleans())
    | st.tuples(st.just("remove"), st.integers(1, 4), st.just(0), st.just(0), st.just(False))
    | st.tuples(st.just("ask"), st.integers(0, 40), st.integers(0, 40), st.just(0), st.just(False)),
    min_size=1,
    max_size=8,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_the_view_is_that_which_is_written_from_nothing(steps: list[tuple[str, int, int, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout, gone = new_layout(Path(folder) / "out"), NO_KEYS
        for what, number, first, last, is_sorted in steps:
            if what == "put":
                put(layout, number, min(first, last), max(first, last), is_sorted=is_sorted)
            elif what == "remove":
                layout.part(number).unlink(missing_ok=True)
            else:
                gone = np.sort(np.delete(KEYS, slice(min(number, first), max(number, first))))
            compact(layout)
            write_view(layout, gone, "another run")
            assert written(layout) == from_nothing(layout, gone)


@given(cuts=st.lists(st.integers(0, 40), max_size=6), seed=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_the_same_images_give_the_same_bytes_whatever_parts_they_came_in(cuts: list[int], seed: int) -> None:
    shuffled = TABLE.take(np.random.default_rng(seed).permutation(len(TABLE)))
    bounds = [0, *sorted(cuts), len(TABLE)]
    with tempfile.TemporaryDirectory() as folder:
        whole, parted = new_layout(Path(folder) / "1" / "out"), new_layout(Path(folder) / "2" / "out")
        put(whole, 1, 0, len(TABLE))
        write_view(whole, NO_KEYS)
        for number, (first, last) in enumerate(pairwise(bounds), start=1):
            put(parted, number, first, last, shuffled)
            if number % 2:
                compact(parted)
                write_view(parted, NO_KEYS)
        compact(parted)
        write_view(parted, NO_KEYS)
        assert written(parted) == written(whole)


def test_rows_without_an_image_are_not_in_the_view_and_the_others_are_in_order(layout: FolderLayout) -> None:
    put(layout, 1, 0, len(TABLE))
    write_view(layout, NO_KEYS)
    assert pq.read_table(layout.view)["row_number"].to_pylist() == [row for row in range(40) if row % 5 != 4]


def test_records_of_one_place_in_the_manifest_stand_in_the_order_of_their_fingerprints(layout: FolderLayout) -> None:
    """As when a row was changed and an older run's image of it is still shown: no two parts may decide it by chance."""
    numbers = pa.array([3] * len(TABLE), pa.int64())
    same = TABLE.set_column(TABLE.column_names.index("row_number"), TABLE.schema.field("row_number"), numbers)
    put(layout, 1, 20, 40, same)
    put(layout, 2, 0, 20, same)
    write_view(layout, NO_KEYS)
    fingerprints = pq.read_table(layout.view)["fingerprint"].to_pylist()
    assert fingerprints == sorted(fingerprints)


def groups_made(layout: FolderLayout, monkeypatch: pytest.MonkeyPatch, gone: Keys | None = NO_KEYS) -> list[int] | None:
    """Write the view; return the row groups that were made anew, None if the file was left alone."""
    made: list[int] = []
    read = order.OrderedRecords.read
    before = layout.view.stat().st_ino if layout.view.exists() else None

    def noted(records: order.OrderedRecords, group: int, schema: pa.Schema) -> pa.Table:
        made.append(group)
        return read(records, group, schema)

    with monkeypatch.context() as patch:
        patch.setattr(order.OrderedRecords, "read", noted)
        write_view(layout, gone)
    return None if layout.view.stat().st_ino == before else made


def test_a_small_addition_costs_no_rewriting_of_what_was_there(
    layout: FolderLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = sort_records(TABLE)
    put(layout, 1, 0, 30, table)  # 24 images: four row groups, the last of three rows
    assert groups_made(layout, monkeypatch) == [0, 1, 2, 3]
    put(layout, 2, 30, 36, table)
    assert groups_made(layout, monkeypatch) == [3, 4]
    layout.part(2).unlink()
    put(layout, 3, 30, 40, table)  # as a merge leaves them
    assert groups_made(layout, monkeypatch) == [3, 4]
    assert groups_made(layout, monkeypatch) is None
    assert written(layout) == from_nothing(layout, NO_KEYS)


def test_where_nothing_changed_nothing_is_written_and_no_part_is_read(
    layout: FolderLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(layout, 1, 0, 30)
    write_view(layout, NO_KEYS)
    before, state = times(layout), layout.view_state.stat().st_mtime_ns
    monkeypatch.setattr(view, "read_part", None)
    write_view(layout, NO_KEYS)
    write_view(layout, None)
    assert (times(layout), layout.view_state.stat().st_mtime_ns) == (before, state)


def test_a_view_of_the_same_images_is_left_alone_though_other_records_changed(
    layout: FolderLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = TABLE.filter(pa.compute.not_equal(TABLE["status"], "ok"))
    put(layout, 1, 0, 30)
    write_view(layout, NO_KEYS)
    put(layout, 2, 0, len(blocked), blocked)
    assert groups_made(layout, monkeypatch) is None
    assert written(layout) == from_nothing(layout, NO_KEYS)


def test_where_the_manifest_was_not_read_the_view_shows_what_it_showed(layout: FolderLayout) -> None:
    put(layout, 1, 0, 30)
    gone = np.sort(KEYS[:12])
    write_view(layout, gone)
    put(layout, 2, 30, 40)
    write_view(layout, None)
    assert written(layout) == from_nothing(layout, np.sort(np.concatenate([gone, KEYS[30:]])))
    put(layout, 2, 30, 40)
    write_view(layout, None, "run")  # which made all of it
    assert written(layout) == from_nothing(layout, NO_KEYS)
    write_view(layout, gone)
    assert written(layout) == from_nothing(layout, gone)


def test_records_that_were_corrected_are_written_anew(layout: FolderLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, 1, 0, 20)
    put(layout, 2, 20, 40)
    write_view(layout, NO_KEYS)
    costs = pa.array([0.05] * len(TABLE))
    put(layout, 1, 0, 20, TABLE.set_column(TABLE.column_names.index("cost_usd"), TABLE.schema.field("cost_usd"), costs))
    assert groups_made(layout, monkeypatch) == [0, 1, 2, 3, 4]
    assert written(layout) == from_nothing(layout, NO_KEYS)


@pytest.mark.parametrize("damage", ["view", "state", "no state", "no view", "view of the same size and time"])
def test_what_is_damaged_or_gone_is_made_again(layout: FolderLayout, damage: str) -> None:
    table = sort_records(TABLE)
    put(layout, 1, 0, 30, table)
    write_view(layout, NO_KEYS)
    victim = layout.view if "view" in damage else layout.view_state
    at = victim.stat()
    if damage.startswith("no"):
        victim.unlink()
    else:
        content = bytearray(victim.read_bytes())
        content[len(content) // 3] ^= 0x10
        victim.write_bytes(content)
        if "time" in damage:
            os.utime(victim, ns=(at.st_atime_ns, at.st_mtime_ns))
            put(layout, 2, 30, 40, table)
    write_view(layout, NO_KEYS)
    assert written(layout) == from_nothing(layout, NO_KEYS)


@pytest.mark.parametrize("name", ["README.md", "croissant.json"])
def test_a_description_that_is_gone_or_changed_is_written_again(layout: FolderLayout, name: str) -> None:
    put(layout, 1, 0, 30)
    write_view(layout, NO_KEYS)
    right = written(layout)
    for spoil in (Path.unlink, Path.touch, lambda path: path.write_text("mine")):
        spoil(layout.root / name)
        write_view(layout, NO_KEYS)
        assert written(layout) == right


def test_a_dataset_without_images_has_a_view_without_rows(layout: FolderLayout) -> None:
    write_view(layout, NO_KEYS)
    put(layout, 1, 4, 5, sort_records(TABLE))  # blocked
    write_view(layout, NO_KEYS)
    assert pq.read_table(layout.view).num_rows == 0
    put(layout, 2, 0, 3, sort_records(TABLE))
    write_view(layout, NO_KEYS)
    assert pq.read_table(layout.view).num_rows == 3


def test_another_version_takes_nothing_over(layout: FolderLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may count, convert or write in another way."""
    put(layout, 1, 0, 30)
    write_view(layout, NO_KEYS)
    assert groups_made(layout, monkeypatch) is None
    monkeypatch.setattr(view_state, "_VERSIONS", "batchgen 0.0.0")
    assert groups_made(layout, monkeypatch) == [0, 1, 2, 3]


def test_an_old_view_that_cannot_be_read_is_made_again(layout: FolderLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, 1, 0, 30)
    write_view(layout, NO_KEYS)
    layout.view.write_bytes(layout.view.read_bytes()[:1000])
    assert groups_made(layout, monkeypatch) == [0, 1, 2, 3]
    assert written(layout) == from_nothing(layout, NO_KEYS)
