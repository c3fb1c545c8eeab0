"""What changed in a manifest's own columns since the last clean stop, of requests that the index knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scratch import Memory

from batchgen.catalog import load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.keys import keys_of
from batchgen.core.resume import RequestState
from batchgen.dataset.read.resume_index import ResumeIndex
from batchgen.manifest import csv_source, open_manifest
from batchgen.planning import label_schema, read_rows
from batchgen.planning.labels import DIGEST_BYTES, LabelUpdateFile, cell_types_of
from batchgen.planning.plan import make_plan
from batchgen.planning.rules import make_rules
from batchgen.planning.selection import Selection

RULES = make_rules(RunConfig(), load_catalog([]))
# id, prompt, images, label: rows of one call and of two, and a wrong one.
ROWS = [f"r{number},{'' if number == 4 else 'a fox'},{6 if number == 5 else 1},old" for number in range(8)]

Row = tuple[int, int, str | None]  # row number, line and label, by key


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Open a manifest of rows that is read in batches of three."""
    monkeypatch.setattr(csv_source, "BATCH_ROWS", 3)

    files = count()

    def written(rows: Sequence[str], header: str = "id,prompt,num_images,label") -> Any:
        path = tmp_path / f"rows-{next(files)}.csv"  # a manifest does not change while it is read
        path.write_text("\n".join([header, *rows, ""]))
        return open_manifest(path)

    return written


def known(manifest: Any) -> ResumeIndex:
    """An index that knows all requests and all wrong rows of a manifest."""
    batches = list(read_rows(manifest, RULES))
    fingerprints = [fingerprint for batch in batches for fingerprint in batch.fingerprints]
    fingerprints += [row.fingerprint for batch in batches for row in batch.invalid]
    keys = np.sort(keys_of(fingerprints))
    return ResumeIndex(keys, np.full(len(keys), RequestState.DONE, np.uint8))


def updates(manifest: Any, index: ResumeIndex, stored: Sequence[bytes] = ()) -> LabelUpdateFile:
    schema = label_schema(manifest, RULES)
    found = LabelUpdateFile(Memory(), schema, stored, cell_types_of(manifest, schema))
    make_plan(read_rows(manifest, RULES), index, Selection(), sinks=[found])
    if found.decide():
        make_plan(read_rows(manifest, RULES), index, Selection(), sinks=[found])
    return found


def by_key(found: LabelUpdateFile) -> dict[int, Row]:
    return {
        key: (row, line, label["label"])
        for batch in found.batches()
        for key, row, line, label in zip(
            batch.keys.tolist(), batch.row_numbers.tolist(), batch.lines.tolist(), batch.labels.to_pylist(), strict=True
        )
    }


def of_manifest(manifest: Any) -> dict[int, Row]:
    """What a manifest says of its requests and wrong rows."""
    everything = {}
    for batch in read_rows(manifest, RULES):
        labels = batch.labels().to_pylist()
        rows = [batch.request(index) for index in range(len(batch))]
        places = [(int(row.fingerprint[:16], 16), row.row_number, row.line) for row in rows]
        places += [(int(row.fingerprint[:8].hex(), 16), row.row_number, row.line) for row in batch.invalid]
        for key, row, line in places:
            everything[key] = (row, line, labels[row - batch.first_row_number]["label"])
    return everything


def test_where_nothing_is_stored_all_that_the_index_knows_is_kept(write: Callable[..., Any]) -> None:
    manifest = write(ROWS)
    found = updates(manifest, known(manifest))
    assert by_key(found) == of_manifest(manifest)
    assert [len(digest) for digest in found.digests] == [DIGEST_BYTES] * 4  # of three chunks, and of types


def test_a_manifest_that_says_the_same_keeps_nothing(write: Callable[..., Any]) -> None:
    manifest = write(ROWS)
    first = updates(manifest, known(manifest))
    again = updates(write(ROWS), known(manifest), first.digests)
    assert again.digests == first.digests
    assert list(again.batches()) == []


def test_of_a_changed_label_the_rows_around_it_are_kept_and_no_others(write: Callable[..., Any]) -> None:
    manifest = write(ROWS)
    index, first = known(manifest), updates(manifest, known(manifest))
    changed = write([*ROWS[:3], ROWS[3].replace("old", "new"), *ROWS[4:]])
    found = by_key(updates(changed, index, first.digests))
    assert found == {key: row for key, row in of_manifest(changed).items() if 3 <= row[0] < 6}
    assert (3, 5, "new") in found.values()


def numbered(*labels: str) -> list[str]:
    """The rows with these labels, then with numbers."""
    cells = [*labels, *map(str, range(len(labels), len(ROWS)))]
    return [f"{row.rpartition(',')[0]},{cell}" for row, cell in zip(ROWS, cells, strict=True)]


@pytest.mark.parametrize(("cell", "everything"), [("7", False), ("", False), ("n/a", True), ("0.5", True)])
def test_where_a_cell_changes_the_type_of_its_column_all_labels_are_kept(
    write: Callable[..., Any], cell: str, everything: bool
) -> None:
    manifest = write(numbered())
    index, first = known(manifest), updates(manifest, known(manifest))
    changed = write(numbered(cell))
    found = by_key(updates(changed, index, first.digests))
    assert found == {key: row for key, row in of_manifest(changed).items() if everything or row[0] < 3}


def test_text_that_becomes_numbers_is_in_the_index_as_it_is_written(write: Callable[..., Any]) -> None:
    manifest = write(numbered("n/a"))
    index, first = known(manifest), updates(manifest, known(manifest))
    changed = write(numbered("7"))
    found = by_key(updates(changed, index, first.digests))
    assert found == {key: row for key, row in of_manifest(changed).items() if row[0] < 3}


@pytest.mark.parametrize("header", ["id,prompt,num_images,tag", "id,prompt,num_images,Label"])
def test_a_column_of_another_name_is_a_change(write: Callable[..., Any], header: str) -> None:
    manifest = write(ROWS)
    first = updates(manifest, known(manifest))
    renamed = updates(write(ROWS, header), known(manifest), first.digests)
    assert sum(len(batch.keys) for batch in renamed.batches()) == len(of_manifest(manifest))


def test_rows_that_are_sent_for_the_first_time_are_not_kept(write: Callable[..., Any]) -> None:
    manifest = write(ROWS)
    assert list(updates(manifest, ResumeIndex()).batches()) == []


def test_cells_that_only_move_their_border_are_a_change(write: Callable[..., Any]) -> None:
    header = "id,prompt,first,second"
    manifest = write(["r,a fox,ab,c"], header)
    first = updates(manifest, known(manifest))
    moved = updates(write(["r,a fox,a,bc"], header), known(manifest), first.digests)
    assert sum(len(batch.keys) for batch in moved.batches()) == 1


def test_an_index_that_takes_the_updates_over_says_what_the_manifest_says(write: Callable[..., Any]) -> None:
    """However rows are edited, removed and moved between two runs."""
    edit = st.tuples(st.integers(0, 7), st.sampled_from(["old", "new", ""]))
    edits = st.lists(edit, max_size=10, unique_by=lambda one: one[0])

    @given(order=edits, blank=st.integers(0, 9))
    @settings(max_examples=80, deadline=None)
    def follows(order: list[tuple[int, str]], blank: int) -> None:
        manifest = write(ROWS)
        index, first = known(manifest), updates(manifest, known(manifest))
        taken_over = of_manifest(manifest)
        rows = [f"{ROWS[row].rpartition(',')[0]},{label}" for row, label in order]
        today = write([*rows[:blank], "", *rows[blank:]])  # a blank line moves the lines of the rows after it
        if rows:
            taken_over |= by_key(updates(today, index, first.digests))
            assert {key: taken_over[key] for key in of_manifest(today)} == of_manifest(today)

    follows()
