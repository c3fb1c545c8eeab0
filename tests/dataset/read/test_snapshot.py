"""ReaderPool need no lock: they see each slot once, as it is newest, also while a run writes, seals and merges."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.files_of import parts_of, segments_of
from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, link, rejected, request, writing

from batchgen.core.errors import NotADataset, ProviderError
from batchgen.core.keys import Finder, first_of_each, key_of
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.resume import RequestState
from batchgen.dataset.index import alignment, compaction
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.keys import slot_keys
from batchgen.dataset.index.parts import write_part
from batchgen.dataset.index.received import received_answer
from batchgen.dataset.index.records import Provenance, records_of_answer
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, own_names, to_table, unify
from batchgen.dataset.layout import image_name
from batchgen.dataset.read.resume_index import load
from batchgen.dataset.read.snapshot import latest, open_layout
from batchgen.dataset.read.summary import summarise
from batchgen.dataset.wal import active_segment
from batchgen.dataset.wal.recovery import recover


def slots_of(layout: FolderLayout) -> list[tuple[str, int, str]]:
    columns = ["row_id", "image_number", "status"]
    return [tuple(row.values()) for table in latest(layout, columns) for row in table.to_pylist()]


def part_of(rows: dict[int, str], run_id: str = "run") -> pa.Table:
    """A part with one slot a row, by status."""
    made, saved = Provenance(run_id, "rows.csv"), image_name(0, request().fingerprint, 0, "png")
    received = received_answer(answer(image(0)), lambda *_: saved)
    records = [
        replace(record, status=Status(status))
        for row, status in rows.items()
        for record in records_of_answer(request(row), received, attempts(), made)
    ]
    return to_table(records)


def written(layout: FolderLayout, *contents: dict[int, str]) -> FolderLayout:
    layout.index.mkdir(parents=True)
    for number, rows in enumerate(contents, start=1):
        write_part(layout, number, iter([part_of(rows)]), INDEX_SCHEMA)
    return layout


def test_a_folder_without_a_dataset_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(NotADataset, match="holds no dataset"):
        open_layout(tmp_path)


def test_of_every_slot_the_newest_record_counts(out: Path) -> None:
    layout = written(FolderLayout(out), {0: "failed", 1: "ok", 2: "in_doubt"}, {0: "in_doubt"}, {0: "ok", 3: "blocked"})
    expected = [("row-0", 0, "ok"), ("row-1", 0, "ok"), ("row-2", 0, "in_doubt"), ("row-3", 0, "blocked")]
    assert sorted(slots_of(layout)) == expected
    compact(layout)
    assert sorted(slots_of(layout)) == expected
    assert list(layout.parts()) == [3]


def test_what_newer_parts_replace_is_dropped_from_large_old_ones(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_SMALL_ROWS", 3)
    old = dict.fromkeys(range(40), "failed")
    layout = written(
        FolderLayout(out),
        dict.fromkeys(range(100, 120), "failed"),
        old,
        dict.fromkeys(range(100, 120), "ok"),
        {7: "ok"},
    )
    compact(layout)
    assert sum(pq.read_table(path).num_rows for path in parts_of(layout)) == 60
    statuses = {row_id: status for row_id, _, status in slots_of(layout)}
    assert statuses["row-7"] == "ok"
    assert statuses["row-100"] == "ok"
    assert statuses["row-8"] == "failed"


def test_merging_is_geometric(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand additions of one record each rewrite a logarithmic number of records, not half a million."""
    monkeypatch.setattr(compaction, "_SMALL_ROWS", 4)
    layout = written(FolderLayout(out))
    rewritten = 0
    write = write_part

    def counted(layout: FolderLayout, number: int, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
        nonlocal rewritten
        table = pa.concat_tables(tables)
        rewritten += len(table)
        write(layout, number, iter([table]), schema)

    monkeypatch.setattr(alignment, "write_part", counted)
    rows = 120
    for number in range(1, rows + 1):
        write(layout, number, iter([part_of({number: "ok"})]), INDEX_SCHEMA)
        compact(layout)
    assert len(slots_of(layout)) == rows
    assert len(layout.parts()) <= 8
    assert rewritten < rows * rows / 4


async def test_a_reader_sees_a_run_while_it_writes_seals_and_merges(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active_segment, "_RECORDS_PER_SEGMENT", 5)
    monkeypatch.setattr(active_segment, "_MANY_PARTS", 4)
    counts: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen = slots_of(FolderLayout(out))
            assert len(seen) == len(set(seen))
            counts.append(len(seen))

    with writing(out) as writer:
        reading = asyncio.create_task(asyncio.to_thread(read))
        for row in range(150):
            await writer.reject([rejected(row)])
        done.set()
        await reading
    assert counts == sorted(counts)
    assert len(slots_of(FolderLayout(out))) == 150


async def test_a_segment_that_was_sealed_and_came_back_with_the_power_tells_nothing(out: Path) -> None:
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        (segment,) = segments_of(FolderLayout(out))
        stale = segment.read_bytes()
        await writer.save(request(), answer(image(1)), attempts())
    segment.write_bytes(stale)
    assert slots_of(FolderLayout(out)) == [("row-0", 0, "ok")]
    assert not recover(FolderLayout(out))
    assert slots_of(FolderLayout(out)) == [("row-0", 0, "ok")]


async def test_the_state_of_a_request_is_that_of_its_slot_that_needs_most(out: Path) -> None:
    with writing(out) as writer:
        await writer.save(request(0, num_images=2), answer(image(1)), attempts())
        await writer.save(request(1), answer(image(2)), attempts())
        await writer.save(request(2, num_images=2), answer(image(3), link()), attempts())
        await writer.fail(request(3), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
        await writer.fail(request(4), ProviderError(ErrorKind.SERVER_ERROR, "500"), attempts())
        await writer.fail(request(5), ProviderError(ErrorKind.TIMEOUT, "silence"), attempts(in_doubt_ids=("a",)))
        await writer.reject([rejected(6)])
    known = load(FolderLayout(out))
    keys = np.array([key_of(request(row).fingerprint) for row in range(8)], np.uint64)
    states, _ = known.look_up(keys)
    assert [RequestState(state) for state in states.tolist()] == [
        RequestState.BLOCKED,
        RequestState.DONE,
        RequestState.DEFERRED,
        RequestState.REFUSED,
        RequestState.FAILED,
        RequestState.IN_DOUBT,
        RequestState.INVALID,
        RequestState.UNSEEN,
    ]
    assert known.knows_rows(["row-1", "row-9"]).tolist() == [True, False]


async def test_a_dataset_is_counted_from_its_files(out: Path) -> None:
    with writing(out, run_id="first") as writer:
        await writer.save(request(0, num_images=2), answer(image(1)), attempts())
        await writer.fail(request(1), ProviderError(ErrorKind.TIMEOUT, "silence"), attempts(in_doubt_ids=("a",)))
        assert summarise(writer.layout).running
    with writing(out, run_id="second") as writer:
        prior = writer.resume_index.priors[key_of(request(1).fingerprint)]
        await writer.save(request(1, prior=prior), answer(image(2), cost_usd=0.05), attempts(2))
    summary = summarise(FolderLayout(out))
    assert not summary.running
    assert summary.slots == {Status.OK: 2, Status.BLOCKED: 1}
    assert round(summary.cost_usd, 9) == 0.09
    assert summary.in_doubt_ids == ["a"]
    assert {run.run_id: run.images for run in summary.runs.values()} == {"first": 1, "second": 1}
    assert summary.errors["safety"].examples[0].where == "rows.csv:2"


def test_keys_tell_slots_apart_in_slices_and_chunks() -> None:
    table = pa.concat_tables([part_of({0: "ok", 1: "ok"}), part_of({2: "ok"})])
    keys = slot_keys(table)
    assert keys.tolist() == [key_of(request(row).fingerprint) for row in range(3)]
    assert slot_keys(table.slice(1)).tolist() == keys.tolist()[1:]
    assert Finder(np.sort(keys[1:])).contains(keys).tolist() == [False, True, True]
    first = first_of_each([keys[:2], keys[:0], keys[[1, 2, 2]]])
    assert [mask.tolist() for mask in first] == [[True, True], [], [False, True, False]]


# Few different ones, close together and at both ends: keys that are as unevenly spread as can be.
SOME_KEYS = st.lists(st.integers(0, 40) | st.integers(2**64 - 40, 2**64 - 1) | st.integers(0, 2**64 - 1), max_size=300)


@given(SOME_KEYS, SOME_KEYS)
def test_a_key_is_found_wherever_it_is_and_only_there(kept: list[int], asked: list[int]) -> None:
    in_sorted = np.sort(np.array(kept, np.uint64))
    keys = np.array(asked + kept, np.uint64)
    assert Finder(in_sorted).contains(keys).tolist() == [key in set(kept) for key in keys.tolist()]


def test_one_schema_holds_the_rows_of_all_without_loss() -> None:
    types = [pa.int32(), pa.int64(), pa.uint8(), pa.float32(), pa.float64(), pa.string(), pa.bool_(), pa.null()]
    values = {"int": 2**31 - 1, "uint": 200, "float": 0.5, "double": 0.1, "string": "x", "bool": True}
    for left in types:
        for right in types:
            unified = unify([pa.schema([("a", left)]), pa.schema([("a", right)])]).field("a").type
            for kind in (left, right):
                value = next((value for name, value in values.items() if str(kind).startswith(name)), None)
                column = conform(pa.table({"a": pa.array([value], kind)}), pa.schema([("a", unified)]))["a"]
                (kept,) = column.to_pylist()
                assert kept == value or str(kept) == str(pa.scalar(value, kind).cast(pa.string())), (left, right)


def test_own_columns_never_take_a_name_that_is_taken() -> None:
    schema = pa.schema([("manifest_status", pa.string()), ("status", pa.string()), ("label", pa.string())])
    assert own_names(schema) == ["manifest_status", "manifest_manifest_status", "label"]
