"""P5: done work is recognised by what was asked, whatever became of the file, the order and the form of the rows."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import batchgen

if TYPE_CHECKING:
    from conftest import Batch, WriteManifest

# Rows with and without ids of their own, seeds, switches, and columns that only pass through.
ROWS = [
    {
        "prompt": f"fox {number}",
        "seed": number if number % 2 else "",
        "num_images": 1 + number % 3,
        "aspect_ratio": "16:9" if number % 3 else "",
        "enhance_prompt": "false" if number % 2 else "true",
        "weight": f"{number / 4}",
        "name": f"name {number}",
    }
    for number in range(12)
]
IMAGES = sum(int(str(row["num_images"])) for row in ROWS)


@pytest.fixture
async def done(batch: Batch) -> Batch:
    """A batch whose rows were all made."""
    await batch.run(ROWS)
    assert len(batch.simulator.bill.charges) == len(ROWS)
    return batch


def assert_nothing_was_bought(done: Batch, summary: batchgen.RunSummary) -> None:
    assert summary.stop is None
    assert summary.plan.up_to_date.images == IMAGES
    assert len(done.simulator.bill.arrivals) == len(ROWS)


async def test_the_same_rows_again_cost_nothing(done: Batch) -> None:
    assert_nothing_was_bought(done, await done.run(ROWS))


async def test_rows_in_another_order_cost_nothing(done: Batch) -> None:
    assert_nothing_was_bought(done, await done.run(ROWS[::-1]))


async def test_added_rows_are_made_and_removed_ones_stay_in_the_index(done: Batch) -> None:
    added = [{"prompt": "a hare"}, {"prompt": "an owl"}]
    await done.run([added[0], *ROWS[6:], added[1], *ROWS[:3]])
    assert len(done.simulator.bill.arrivals) == len(ROWS) + 2
    assert len(done.records()) == IMAGES + 2
    assert all((done.out / record["file_name"]).is_file() for record in done.records())


async def test_only_the_changed_row_is_made_and_its_old_image_stays(done: Batch) -> None:
    before = {path.name for path in done.out.glob("images/*/*")}
    await done.run([{**ROWS[0], "prompt": "a brown fox"}, *ROWS[1:]])
    assert len(done.simulator.bill.arrivals) == len(ROWS) + 1
    after = {path.name for path in done.out.glob("images/*/*")}
    assert before < after
    assert len(after) == len(before) + 1


async def test_a_manifest_that_cannot_be_read_brings_no_old_image_back_into_the_dataset(
    done: Batch, tmp_path: Path
) -> None:
    await done.run(ROWS[1:])
    shown = pq.read_table(done.out / "metadata.parquet")
    empty = tmp_path / "empty.csv"
    empty.write_text("prompt\n")
    with pytest.raises(batchgen.BatchgenError, match="no rows"):
        await done.run(empty)
    assert pq.read_table(done.out / "metadata.parquet").equals(shown)


async def test_columns_that_only_pass_through_may_change_without_a_new_image(done: Batch) -> None:
    changed = [{**row, "name": "another", "more": 1} for row in ROWS]
    assert_nothing_was_bought(done, await done.run(changed))


async def test_the_file_may_have_another_name(done: Batch, write_manifest: WriteManifest) -> None:
    assert_nothing_was_bought(done, await done.run(write_manifest(ROWS, "renamed.csv")))


async def test_the_file_may_be_compressed(done: Batch, write_manifest: WriteManifest, tmp_path: Path) -> None:
    packed = tmp_path / "m.csv.gz"
    packed.write_bytes(gzip.compress(write_manifest(ROWS).read_bytes()))
    assert_nothing_was_bought(done, await done.run(packed))


def typed_frame() -> pd.DataFrame:
    frame = pd.DataFrame(ROWS).replace("", None)
    return frame.assign(
        seed=frame["seed"].astype("Int64"),
        num_images=frame["num_images"].astype("int8"),
        enhance_prompt=frame["enhance_prompt"].eq("true"),
        weight=frame["weight"].astype(float),
    )


async def test_the_csv_may_become_parquet_with_typed_columns(done: Batch, tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    typed_frame().to_parquet(path)
    assert pq.read_schema(path).field("seed").type == pa.int64()
    assert_nothing_was_bought(done, await done.run(path))


async def test_the_rows_may_come_as_a_data_frame(done: Batch) -> None:
    settings = {"api.base_url": done.simulator.url}
    summary = await batchgen.run(typed_frame(), done.out, settings=settings, key="test-key", progress=False)
    assert_nothing_was_bought(done, summary)


async def test_writing_a_default_out_makes_no_old_image_new(done: Batch) -> None:
    written = [{**row, "aspect_ratio": row["aspect_ratio"] or "1:1", "safety_setting": "", "model": ""} for row in ROWS]
    assert_nothing_was_bought(done, await done.run(written, settings={"defaults": {"add_watermark": False}}))


async def test_rates_transport_and_key_change_no_image(done: Batch) -> None:
    other = {"image_transport": "url", "limits.requests_per_minute": 600, "retry.max_attempts": 2}
    assert_nothing_was_bought(done, await done.run(ROWS, settings=other, key="another-key"))


async def test_a_run_that_was_stopped_goes_on_and_buys_nothing_twice(batch: Batch) -> None:
    batch.simulator.change(latency_s=(0.01, 0.05))
    running = asyncio.create_task(batch.run(ROWS, settings={"limits.concurrency": 2}))
    while len(batch.simulator.bill.charges) < 3:
        await asyncio.sleep(0.005)
    running.cancel()  # as Ctrl-C: what is in flight is finished
    with pytest.raises(asyncio.CancelledError):
        await running
    assert 3 <= len(batch.simulator.bill.charges) < len(ROWS)
    summary = await batch.run(ROWS)
    assert_nothing_is_missing(batch, summary)


async def test_a_run_in_small_steps_buys_what_one_run_buys(batch: Batch) -> None:
    for _ in range(4):
        await batch.run(ROWS, limit=3)
    assert_nothing_is_missing(batch, await batch.run(ROWS))


def assert_nothing_is_missing(batch: Batch, summary: batchgen.RunSummary) -> None:
    assert summary.stop is None
    assert [record["status"] for record in batch.records()] == ["ok"] * IMAGES
    assert len(batch.simulator.bill.charges) == len(ROWS)
