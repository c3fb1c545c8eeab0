"""A service of which no answer can be used is not paid for every row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.batches import compare_with_bill, read_index, run_batch, write_manifest
from support.misfortune import ENDINGS

from batchgen.core.exit_codes import ExitCode
from batchgen.core.outcomes import Status
from batchgen.simulator import Fault, Simulator

ROWS, AT_ONCE = 100, 4
PROMPTS = [f"a fox {number}" for number in range(ROWS)]


@pytest.mark.parametrize(
    "fault", ["html_200", "broken_json", "broken_image", "cut_off", "reset", "server_error", "bad_request"]
)
async def test_ten_attempts_that_all_give_nothing_stop_the_run_and_the_rows_wait(tmp_path: Path, fault: str) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse(f"{fault}=1"),))) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE)
        assert stopped.stop is not None
        assert stopped.stop.kind.exit_code is ExitCode.STOPPED
        assert "10 attempts in a row gave no image" in stopped.stop.message
        assert 10 <= len(simulator.bill.arrivals) < 10 + AT_ONCE
        compare_with_bill(out, simulator)

        simulator.change(faults=())
        done = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE)
        assert done.stop is None
        assert sum(record["status"] == Status.OK for record in read_index(out)) >= ROWS - 10 - AT_ONCE
        compare_with_bill(out, simulator)


async def test_a_run_that_has_made_an_image_goes_on_whatever_follows(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS[:30]), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("bad_request@2-"),))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, limits__concurrency=1)
    assert summary.stop is None
    assert [record["status"] for record in read_index(out)].count(Status.FAILED) == 29


@pytest.mark.parametrize("fault", ["html_200", "cut_off", "server_error"])
async def test_two_rows_that_are_left_over_fail_as_rows_and_cost_ten_attempts_at_most(
    tmp_path: Path, fault: str
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS[:2]), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse(f"{fault}=1"),))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE, retry__max_attempts=50)
        assert summary.stop is None, "how many may fail is for `allow_failures` to say"
        assert 10 <= len(simulator.bill.arrivals) <= 11
        assert {record["status"] for record in read_index(out)} <= {Status.FAILED, Status.IN_DOUBT}
        compare_with_bill(out, simulator)


async def test_one_worker_at_a_time_pays_for_about_ten_useless_answers_too(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("html_200=1"),))) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, limits__concurrency=1, retry__max_attempts=50)
        assert stopped.stop is not None
        assert 10 <= len(simulator.bill.arrivals) <= 12
