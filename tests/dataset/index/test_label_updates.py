"""Labels are those of today's manifest, in index and view alike, and cost no purchase (P5)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, Labels, Updates, answer, attempts, image, records_in, rejected, request, writing

from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.dataset.index import label_updates, order
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.publish.label_digests import stored_digests

Crash = Callable[[], Path]
Rows = Mapping[int, Mapping[str, Any]]
ROWS = 7


async def buy(out: Path, labels: Rows) -> None:
    """A run that buys two rows in a part of their own, then one of all the others, one of them refused, one wrong."""
    for rows in ((4, 2), [row for row in range(ROWS) if row not in (2, 4)]):
        with writing(out, Labels(labels), run_id=f"run-{len(rows)}", updates=Updates({})) as writer:
            await writer.reject([rejected(row) for row in rows if row == 6])
            for row in rows:
                if row == 5:
                    await writer.fail(request(row), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
                elif row != 6:
                    await writer.save(request(row, num_images=2), answer(image(row), image(row + 50)), attempts())


def update(out: Path, rows: Rows, order: Sequence[int] | None = None, schema: pa.Schema | None = None) -> None:
    """A run that has nothing to buy."""
    updates = Updates(rows, schema, order)
    with writing(out, NO_LABELS, run_id="later", updates=updates):
        pass
    assert [*stored_digests(FolderLayout(out))] == updates.digests


def labels_in(table: pa.Table, names: Sequence[str]) -> dict[str, list[Any]]:
    return {row["row_id"]: [row.get(name) for name in names] for row in table.to_pylist()}


def index_of(out: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in parts_of(FolderLayout(out))], promote_options="permissive")


def modified(out: Path) -> list[int]:
    layout = FolderLayout(out)
    return [path.stat().st_mtime_ns for path in (*parts_of(layout), layout.view, layout.card, layout.croissant)]


LABEL = st.none() | st.sampled_from(["a", "b", "é"])
TABLES = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["style", "score", "status", "image"])),
        st.permutations(range(ROWS)),
        st.lists(LABEL, min_size=ROWS, max_size=ROWS),
    ),
    min_size=1,
    max_size=3,
)


@given(tables=TABLES)
@settings(max_examples=25, deadline=None)
def test_index_and_view_have_the_labels_of_the_last_manifest_and_its_order(tables: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_updates, "_ROWS_AT_ONCE", 4)
        patch.setattr(order, "GROUP_ROWS", 3)
        out = Path(folder) / "out"
        asyncio.run(buy(out, {row: {"first": str(row)} for row in range(ROWS)}))
        for columns, asked, values in tables:
            names = sorted(columns)
            rows = {row: {name: value and f"{value}{name}" for name in names} for row, value in enumerate(values)}
            update(out, rows, asked, pa.schema([(name, pa.string()) for name in names]))
            index, view = index_of(out), pq.read_table(FolderLayout(out).view)
            kept = ["manifest_status" if name == "status" else name for name in names]
            expected = {f"row-{row}": [rows[row][name] for name in names] for row in range(ROWS)}
            assert labels_in(index, kept) == expected
            assert "first" not in index.column_names
            shown = ["manifest_image" if name == "image" else name for name in kept]
            assert view.column_names[len(INDEX_SCHEMA) :] == shown
            assert labels_in(view, shown) == {row: labels for row, labels in expected.items() if row < "row-5"}
            assert list(dict.fromkeys(view["row_id"].to_pylist())) == [f"row-{row}" for row in asked if row < 5]
            assert sorted({(row["row_id"], row["row_number"], row["line"]) for row in index.to_pylist()}) == sorted(
                (f"row-{row}", place, place + 2) for place, row in enumerate(asked)
            )


def test_the_same_labels_again_change_no_file(out: Path) -> None:
    rows = {row: {"label": f"label {row}", "weight": row / 4} for row in range(ROWS)}
    asyncio.run(buy(out, rows))
    update(out, rows)
    before = modified(out)
    update(out, rows)
    assert modified(out) == before


def test_only_parts_in_which_a_label_differs_are_rewritten(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row: {"label": f"label {row}"} for row in range(ROWS)}
    monkeypatch.setattr("batchgen.dataset.index.compaction._SMALL_ROWS", 1)
    monkeypatch.setattr("batchgen.dataset.index.compaction._GROWTH", 0)
    asyncio.run(buy(out, rows))
    update(out, rows)
    first, second = parts_of(FolderLayout(out))
    before = first.stat().st_mtime_ns, second.stat().st_mtime_ns
    update(out, rows | {4: {"label": "another"}})
    assert first.stat().st_mtime_ns != before[0]
    assert second.stat().st_mtime_ns == before[1]
    assert {record["label"] for record in records_in(out) if record["row_id"] == "row-4"} == {"another"}


def test_labels_of_a_row_that_is_gone_stay_beside_those_of_another_type(out: Path) -> None:
    asyncio.run(buy(out, {row: {"label": f"label {row}"} for row in range(ROWS)}))
    update(out, {row: {"label": row} for row in range(3)})
    assert labels_in(index_of(out), ["label"]) == {
        f"row-{row}": [str(row) if row < 3 else f"label {row}"] for row in range(ROWS)
    }


async def test_after_a_stop_that_was_not_clean_all_labels_are_looked_at(out: Path, crashed: Crash) -> None:
    rows = {row: {"label": f"label {row}"} for row in range(ROWS)}
    await buy(out, rows)
    update(out, rows)
    with writing(out, NO_LABELS) as writer:
        assert len(writer.label_digests) == 1
        await writer.save(request(9), answer(image(9)), attempts())
        cut = crashed()
    for folder in (out, cut):
        with writing(folder, NO_LABELS) as writer:
            assert writer.label_digests == ()
