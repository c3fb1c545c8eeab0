"""A dataset of the format before is read and resumed, and nothing of it is bought again; a newer one is refused."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, answer, attempts, image, request, writing

import batchgen
from batchgen.core.errors import UnknownFormat
from batchgen.dataset.index import parts
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.wal import log

OLD = Path(__file__).parent / "format_1"
# What the next run asks for: what failed by chance, and what is in doubt.
AGAIN = {"clean": {"row-8", "row-9"}, "killed": {"row-9", "row-10", "row-11"}}


@pytest.fixture(params=sorted(AGAIN))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a job of the format before: its manifest, and its dataset in `out`."""
    return Path(shutil.copytree(OLD / request.param, tmp_path / request.param))


def records(out: Path) -> dict[tuple[str, int], dict[str, Any]]:
    rows = [row for table in latest(FolderLayout(out), None) for row in table.to_pylist()]
    return {(row["row_id"], row["image_number"]): row for row in rows}


async def run(old: Path, url: str) -> batchgen.RunSummary:
    quick = {
        "limits.requests_per_minute": 60_000,
        "retry.backoff_base_s": 0.001,
        "image_transport": "url",
        "api.download_attempts": 1,
    }
    settings = {"api.base_url": url, "model": "imagen-3.0-generate-002", "preflight": False, **quick}
    return await batchgen.run(
        old / "rows.csv", old / "out", settings=settings, key="test-key", progress=False, mix_services=True
    )


def test_a_dataset_of_the_format_before_is_read_as_it_lies_there(old: Path) -> None:
    found = records(old / "out")
    statuses = {slot: row["status"] for slot, row in found.items()}
    assert statuses["row-0", 0] == "ok"
    assert statuses["row-3", 0] == "blocked"
    assert (found["row-6", 0]["status"], found["row-6", 0]["error_kind"]) == ("failed", "not_fetched")
    assert {row["provider"] for row in found.values()} == {"aimlapi"}
    assert found["row-2", 0]["params"].startswith('{"add_watermark":')
    assert found["row-5", 0]["params"] == "{}"
    assert "request" not in found["row-0", 0]


async def test_nothing_of_it_is_bought_again_and_its_labels_come_from_todays_manifest(old: Path, simulate: Any) -> None:
    before = {path: path.read_bytes() for path in (old / "out").glob("images/*/*")}
    known = records(old / "out")
    simulator = simulate()
    summary = await run(old, simulator.url)
    assert summary.stop is None
    found = records(old / "out")
    of_request = {row["fingerprint"][:16]: row["row_id"] for row in found.values()}
    sent = {of_request[arrival.client_request_id.split(".")[1]] for arrival in simulator.bill.arrivals}
    assert sent == AGAIN[old.name]
    assert {path: path.read_bytes() for path in before} == before
    for (row_id, number), row in found.items():
        if row["status"] == "ok":
            assert sha256((old / "out" / row["file_name"]).read_bytes()).hexdigest() == row["sha256"]
        if row_id not in sent:
            added = dict.fromkeys(("style", "score", "served_model", "job_ticket"))  # columns that came later
            assert row | added == known[row_id, number] | added
        place = int(row_id.removeprefix("row-"))
        style = ("oil", "ink", "")[place % 3]
        assert (row["style"], float(row["score"])) == (style, place / 4)
    _check_bill(old, found, simulator)
    view = pq.read_table(old / "out" / "metadata.parquet")
    assert view["row_number"].to_pylist() == sorted(view["row_number"].to_pylist())
    assert view.num_rows == sum(row["status"] == "ok" for row in found.values())
    assert not FolderLayout(old / "out").segments()


def _check_bill(old: Path, found: dict[tuple[str, int], dict[str, Any]], simulator: Any) -> None:
    """Every charge, before and now, is in a cost of the index, or in doubt."""
    charges = [line.split() for line in (old / "bill.txt").read_text().splitlines()]
    charges += [[charge.client_request_id, str(charge.usd)] for charge in simulator.bill.charges]
    doubts = {attempt for row in found.values() for attempt in row["in_doubt_ids"]}
    requests = {row["fingerprint"][:16] for row in found.values()}
    known = sum(float(usd) for attempt, usd in charges if attempt not in doubts)
    assert {attempt.split(".")[1] for attempt, _ in charges} <= requests
    assert sum(row["cost_usd"] or 0.0 for row in found.values()) == pytest.approx(known)


async def test_a_run_leaves_a_dataset_of_todays_format(old: Path, simulate: Any) -> None:
    simulator = simulate()
    await run(old, simulator.url)
    layout = FolderLayout(old / "out")
    assert (layout.state / "format").read_text() == "2\n"
    assert all(b"batchgen.format" in pq.read_metadata(path).metadata for path in parts_of(layout))
    arrivals = len(simulator.bill.arrivals)
    await run(old, simulator.url)
    assert len(simulator.bill.arrivals) == arrivals


def test_a_newer_dataset_is_refused_in_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with writing(out):
        pass
    (out / ".batchgen" / "format").write_text("3\n")
    with pytest.raises(UnknownFormat, match="newer version"), writing(out):
        pass


async def test_a_part_of_a_newer_format_is_refused_by_writers_and_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(parts, "FORMAT_VERSION", 3)
        with writing(out, NO_LABELS) as writer:
            await writer.save(request(), answer(image(1)), attempts())
    with pytest.raises(UnknownFormat, match="newer version"):
        batchgen.open_dataset(out).index()
    with pytest.raises(UnknownFormat, match="newer version"), writing(out):
        pass


def test_a_log_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with writing(out):
        pass
    segment = FolderLayout(out).segment(1)
    segment.parent.mkdir(exist_ok=True)
    segment.write_bytes(log.encode(log.Open("run", "rows.csv", format=3)))
    with pytest.raises(UnknownFormat, match="another version"), writing(out):
        pass
