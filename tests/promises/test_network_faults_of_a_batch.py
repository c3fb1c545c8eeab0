"""Whatever goes wrong on the way: the run ends, every row has the right outcome, and the index equals the bill."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.batches import compare_with_bill, read_index, run_batch, write_manifest
from support.misfortune import ENDINGS, STOPPING, misfortune

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.engine.stop import StopKind
from batchgen.simulator import Fault, FaultKind, Simulator

ROWS = 40


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind not in STOPPING and not kind.endswith("_cdn")])
async def test_one_request_in_ten_goes_wrong(tmp_path: Path, kind: FaultKind) -> None:
    assert kind in await misfortune(tmp_path, [Fault(kind, 0.1)], rows=ROWS)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind.endswith("_cdn")])
async def test_one_link_in_ten_misbehaves(tmp_path: Path, kind: FaultKind) -> None:
    assert kind in await misfortune(tmp_path, [Fault(kind, 0.1)], rows=ROWS, transport="url")


@pytest.mark.parametrize("transport", ["base64", "url"])
async def test_everything_goes_wrong_together_for_one_request_in_five(tmp_path: Path, transport: str) -> None:
    kinds = [kind for kind in FaultKind if kind not in STOPPING and (transport == "url" or not kind.endswith("_cdn"))]
    await misfortune(tmp_path, [Fault(kind, 0.2 / len(kinds)) for kind in kinds], rows=150, transport=transport)


@pytest.mark.parametrize("kind", sorted(STOPPING))
async def test_a_bad_account_stops_the_run_blames_no_row_and_the_same_command_goes_on(
    tmp_path: Path, kind: FaultKind
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", [f"a fox {n}" for n in range(ROWS)]), tmp_path / "out"
    async with Simulator(ENDINGS) as simulator:
        simulator.change(faults=(Fault.parse(f"{kind}@10-"),))
        stopped = await run_batch(manifest, out, simulator.url)
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.ACCOUNT
        assert {record["status"] for record in read_index(out)} == {Status.OK}
        assert len(read_index(out)) == 9
        compare_with_bill(out, simulator)

        simulator.change(faults=())
        done = await run_batch(manifest, out, simulator.url)
        assert done.stop is None
        assert [record["status"] for record in read_index(out)] == [Status.OK] * ROWS
        assert len(simulator.bill.charges) == ROWS


async def test_a_bad_account_blames_no_row_that_was_cut_off_before(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", [f"a fox {n}" for n in range(ROWS)]), tmp_path / "out"
    async with Simulator(ENDINGS) as simulator:
        simulator.change(faults=(Fault.parse("reset@5-12"), Fault.parse("bad_key@13-")))
        await run_batch(manifest, out, simulator.url)
        records = read_index(out)
        assert {record["status"] for record in records} == {Status.OK, Status.IN_DOUBT}
        assert {record["cost_usd"] for record in records if record["status"] == Status.IN_DOUBT} == {None}
        compare_with_bill(out, simulator)


async def test_a_firewall_that_dislikes_one_prompt_fails_that_row_and_no_other(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", [f"a fox {n}" for n in range(ROWS)]), tmp_path / "out"
    async with Simulator(ENDINGS) as simulator:
        simulator.change(faults=(Fault.parse("forbidden@4-6"),))
        done = await run_batch(manifest, out, simulator.url, limits__concurrency=1, retry__max_attempts=3)
        assert done.stop is None
        failed = [record for record in read_index(out) if record["status"] != Status.OK]
        assert {record["error_kind"] for record in failed} <= {ErrorKind.GATEWAY}
        compare_with_bill(out, simulator)


async def test_a_firewall_that_shuts_everything_out_stops_the_run(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", [f"a fox {n}" for n in range(ROWS)]), tmp_path / "out"
    async with Simulator(ENDINGS) as simulator:
        simulator.change(faults=(Fault.parse("forbidden@1-"),))
        stopped = await run_batch(manifest, out, simulator.url)
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.NETWORK
        assert "Forbidden" in stopped.stop.message
