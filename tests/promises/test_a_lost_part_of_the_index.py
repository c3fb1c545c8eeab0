"""P2: what an index has lost is not bought again: a run that misses a part stops, and says how to mend it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import batchgen
from batchgen.core.errors import DamagedIndex
from batchgen.dataset.index import compaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Batch

ROWS = [{"id": f"r{number}", "prompt": f"a fox {number}", "style": "ink"} for number in range(30)]
EARLIER = 20


@pytest.fixture
async def done(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """Thirty rows that two runs made, in two parts, as a large dataset has them."""
    with monkeypatch.context() as patch:
        patch.setattr(compaction, "_SMALL_ROWS", 0)
        patch.setattr(compaction, "_MAX_MERGED_ROWS", 0)
        await batch.run(ROWS[:EARLIER])
        await batch.run(ROWS)
    assert len(parts(batch)) == 2
    assert len(batch.simulator.bill.charges) == len(ROWS)
    return batch


def parts(done: Batch) -> list[Path]:
    return sorted((done.out / "index").glob("*.parquet"))


async def assert_stopped(done: Batch, match: str) -> None:
    """A run, a plan and a status all stop and say what to type; nothing is sent and nothing changed."""
    before = {path: path.read_bytes() for path in done.out.rglob("*.p*") if path.is_file()}
    pattern = f"{match}.*`batchgen verify {done.out} --repair`"
    with pytest.raises(DamagedIndex, match=pattern) as raised:
        await done.run(ROWS)
    assert raised.value.exit_code == 4
    with pytest.raises(DamagedIndex, match=pattern):
        done.plan(ROWS)
    with pytest.raises(DamagedIndex, match=pattern):
        batchgen.open_dataset(done.out).summary()
    assert len(done.simulator.bill.charges) == len(ROWS)
    assert {path: path.read_bytes() for path in before} == before


async def assert_whole(done: Batch, records: list[dict[str, object]]) -> None:
    """Everything is known again, and the same command has nothing to do."""
    summary = await done.run(ROWS)
    assert (summary.stop, summary.plan.to_send.requests) == (None, 0)
    assert len(done.simulator.bill.charges) == len(ROWS)
    assert done.records() == records
    assert not list(batchgen.verify(done.out))


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("has_state", [True, False])
async def test_a_missing_part_is_missed_and_rebuilt_and_nothing_is_bought_again(
    done: Batch, number: int, has_state: bool
) -> None:
    records, images = done.records(), (EARLIER, len(ROWS) - EARLIER)[number]
    if not has_state:
        shutil.rmtree(done.out / ".batchgen")
    parts(done)[number].unlink()
    told = f"is gone, with {images} records" if has_state else f"shows {images} images that it does not know"
    await assert_stopped(done, told)
    list(batchgen.repair(done.out))
    await assert_whole(done, records)


async def test_a_part_that_is_put_back_needs_no_repair(done: Batch, tmp_path: Path) -> None:
    records, (first, _) = done.records(), parts(done)
    first.rename(tmp_path / "elsewhere")
    await assert_stopped(done, "is gone, with 20 records")
    (tmp_path / "elsewhere").rename(first)
    await assert_whole(done, records)


async def test_where_only_images_are_left_it_is_said_before_they_are_bought_again(done: Batch) -> None:
    shutil.rmtree(done.out / ".batchgen")
    (done.out / "metadata.parquet").unlink()
    parts(done)[1].unlink()
    images = {path: path.read_bytes() for path in done.out.glob("images/*/*")}
    with pytest.raises(DamagedIndex, match=r"knows nothing of 10 images on the disk.*--repair`"):
        await done.run(ROWS)
    lost = [one for one in batchgen.repair(done.out) if one.is_to_be_made_again]
    assert len(lost) == len(ROWS) - EARLIER
    summary = await done.run(ROWS)
    assert summary.plan.to_send.requests == len(ROWS) - EARLIER
    assert {path: path.read_bytes() for path in images} == images


async def test_the_state_may_be_deleted_after_a_clean_stop(done: Batch) -> None:
    records = done.records()
    shutil.rmtree(done.out / ".batchgen")
    await assert_whole(done, records)
    # Rows that the manifest does not have any more are in no view, and their images lie there all the same.
    await done.run(ROWS[:5])
    shutil.rmtree(done.out / ".batchgen")
    await assert_whole(done, records)


def with_pandas(part: Path) -> None:
    pd.read_parquet(part).sort_values("prompt").to_parquet(part)


def with_duckdb(part: Path) -> None:
    table = pq.read_table(part)
    duckdb.from_arrow(table).write_parquet(str(part))


def as_dictionaries(part: Path) -> None:
    frame = pd.read_parquet(part)
    pq.write_table(pa.Table.from_pandas(frame.astype({"status": "category", "fingerprint": "category"})), part)


@pytest.mark.parametrize("rewrite", [with_pandas, with_duckdb, as_dictionaries])
async def test_an_index_that_another_program_wrote_back_is_read(done: Batch, rewrite: Callable[[Path], None]) -> None:
    records = done.records()
    for part in parts(done):
        rewrite(part)
    assert not list(batchgen.verify(done.out))
    await assert_whole(done, records)


async def test_an_index_that_another_program_filtered_stops_the_run(done: Batch) -> None:
    records, (first, _) = done.records(), parts(done)
    frame = pd.read_parquet(first)
    frame[frame.row_number > 4].to_parquet(first)
    await assert_stopped(done, "part-00000001.parquet has 15 records and had 20")
    list(batchgen.repair(done.out))
    await assert_whole(done, records)


async def test_an_index_without_a_column_stops_the_run_before_anything_is_bought(done: Batch) -> None:
    records, (first, _) = done.records(), parts(done)
    pd.read_parquet(first).drop(columns=["params"]).to_parquet(first)
    await assert_stopped(done, "part-00000001.parquet is damaged .*without the columns params")
    list(batchgen.repair(done.out))
    await assert_whole(done, records)


async def test_values_that_are_first_read_at_the_end_stop_the_run_at_its_start(done: Batch) -> None:
    first, _ = parts(done)
    pd.read_parquet(first).assign(params="{x").to_parquet(first)
    with pytest.raises(DamagedIndex, match="params has a value that is no object of JSON"):
        await done.run([*ROWS, {"id": "new", "prompt": "an owl", "style": "ink"}])
    assert len(done.simulator.bill.charges) == len(ROWS)
