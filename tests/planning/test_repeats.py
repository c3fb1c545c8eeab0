"""A reading that follows another one says the same as one on its own, and never goes ahead of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.catalog import load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.manifest import csv_source, open_manifest
from batchgen.planning import read_rows
from batchgen.planning.batch import RowBatch
from batchgen.planning.repeats import FollowingReading, LeadingReading, OutOfStep
from batchgen.planning.rules import make_rules

RULES = make_rules(RunConfig(), load_catalog([]))


def outcome(batches: Iterator[RowBatch]) -> list[tuple[Sequence[str], Sequence[bytes], list[tuple[str, str]]]]:
    """Ids, fingerprints and wrong rows, batch by batch."""
    return [
        (batch.row_ids, batch.fingerprints, [(row.row_id, row.problems[0].code) for row in batch.invalid])
        for batch in batches
    ]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Sequence[str]], Path]:
    """Write a manifest of one column beside the prompt, read in batches of three rows."""
    monkeypatch.setattr(csv_source, "BATCH_ROWS", 3)

    def written(column: str, cells: Sequence[str]) -> Path:
        path = tmp_path / "rows.csv"
        path.write_text(f"{column},prompt\n" + "".join(f"{cell},a fox\n" for cell in cells))
        return path

    return written


@pytest.fixture(params=["id", "seed"])
def column(request: pytest.FixtureRequest) -> str:
    """Rows are told apart by their ids, or by their content."""
    return str(request.param)


def test_what_follows_says_the_same(write: Callable[[str, Sequence[str]], Path], column: str) -> None:
    @given(cells=st.lists(st.sampled_from("1234567"), min_size=1, max_size=20))
    @settings(max_examples=60)
    def follows(cells: list[str]) -> None:
        manifest = open_manifest(write(column, cells))
        leading = LeadingReading()
        alone = outcome(read_rows(manifest, RULES))
        assert outcome(read_rows(manifest, RULES, leading)) == alone
        leading.end()
        assert outcome(read_rows(manifest, RULES, FollowingReading(leading))) == alone

    follows()


def test_what_follows_waits_for_what_leads(write: Callable[[str, Sequence[str]], Path], column: str) -> None:
    manifest = open_manifest(write(column, "1123245671"))
    leading = LeadingReading()
    ahead, behind = read_rows(manifest, RULES, leading), read_rows(manifest, RULES, FollowingReading(leading))
    read: list[RowBatch] = []
    following = threading.Thread(target=lambda: read.extend(behind))
    following.start()
    led = []
    for batch in ahead:
        assert len(read) <= len(led) + 1
        led.append(batch)
    leading.end()
    following.join(60)
    assert outcome(iter(read)) == outcome(iter(led))


@pytest.mark.parametrize("after", ["1234567", "123", "12", "1232", "5123", "1243"])
def test_a_file_that_was_changed_in_between_is_told(
    write: Callable[[str, Sequence[str]], Path], column: str, after: str
) -> None:
    """Whatever was found repeated in the old file says nothing of the new one."""
    leading = LeadingReading()
    list(read_rows(open_manifest(write(column, "1231")), RULES, leading))
    leading.end()
    changed = open_manifest(write(column, after))
    if after == "123":  # a beginning of the old one, and so the same rows
        assert len(list(read_rows(changed, RULES, FollowingReading(leading)))) == 1
        return
    with pytest.raises(ManifestError, match="changed while it was read"):
        list(read_rows(changed, RULES, FollowingReading(leading)))


def test_what_ended_the_reading_that_leads_is_what_the_other_one_says() -> None:
    leading = LeadingReading()
    leading.end(ManifestError([Problem("E007", "rows.parquet", "the file is damaged after row 8,192")]))
    with pytest.raises(ManifestError, match="damaged after row 8,192"):
        FollowingReading(leading).add([1])


def test_nobody_waits_for_a_reading_that_was_broken_off() -> None:
    leading = LeadingReading()
    told = threading.Event()

    def wait() -> None:
        with pytest.raises(OutOfStep):
            leading.of_chunk(0, [1])
        told.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    leading.end()
    waiting.join(60)
    assert told.is_set()
