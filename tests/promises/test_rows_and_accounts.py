"""P4: a bad row never stops the run; a bad account stops it at once, cleanly, and no row is blamed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchgen.engine.stop import StopKind
from batchgen.simulator import Fault

if TYPE_CHECKING:
    from conftest import Batch, Simulate

ROWS = [{"id": f"r{number}", "prompt": f"fox {number}"} for number in range(12)]
ALL_OK = {str(row["id"]): ["ok"] for row in ROWS}


async def test_a_bad_row_never_stops_the_run(batch: Batch) -> None:
    batch.simulator.change(faults=(Fault.parse("bad_request@2,5"),))
    wrong = [{"id": "wrong", "prompt": "a fox", "seed": "-1"}, {"id": "none", "prompt": ""}]
    summary = await batch.run([*wrong, *ROWS, {"id": "unsafe", "prompt": "BLOCKME"}])
    assert summary.stop is None
    outcomes = batch.outcomes()
    assert (outcomes.pop("wrong"), outcomes.pop("none"), outcomes.pop("unsafe")) == (
        ["invalid"],
        ["invalid"],
        ["blocked"],
    )
    assert sorted(outcomes.values()) == [["failed"]] * 2 + [["ok"]] * 10
    assert len(batch.simulator.bill.arrivals) == 13, "neither a wrong row nor a refused one is sent again"


async def test_rows_that_fail_by_chance_take_no_other_with_them_and_the_next_run_makes_them(batch: Batch) -> None:
    batch.simulator.change(faults=(Fault.parse("server_error@3-5"),))
    summary = await batch.run(ROWS, settings={"retry.max_attempts": 1})
    assert summary.stop is None
    assert sorted(batch.outcomes().values()) == [["failed"]] * 3 + [["ok"]] * 9
    await batch.run(ROWS)
    assert batch.outcomes() == ALL_OK
    assert len(batch.simulator.bill.arrivals) == 15


@pytest.mark.parametrize("fault", ["bad_key", "no_credits", "not_found"])
async def test_a_bad_account_stops_the_run_blames_no_row_and_the_same_command_goes_on(batch: Batch, fault: str) -> None:
    batch.simulator.change(faults=(Fault.parse(f"{fault}@4-"),))
    summary = await batch.run(ROWS, settings={"limits.concurrency": 2})
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.ACCOUNT
    arrivals = len(batch.simulator.bill.arrivals)
    assert arrivals <= 5, "at once: only what was in flight already"
    assert list(batch.outcomes().values()) == [["ok"]] * 3

    batch.simulator.change(faults=())
    summary = await batch.run(ROWS)
    assert summary.stop is None
    assert batch.outcomes() == ALL_OK
    assert len(batch.simulator.bill.arrivals) == arrivals + 9


async def test_a_wrong_key_makes_nothing_and_the_right_one_makes_it_all(simulate: Simulate, batch: Batch) -> None:
    batch.simulator = simulate(key="right")
    summary = await batch.run(ROWS, key="wrong")
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.ACCOUNT
    assert batch.outcomes() == {}
    summary = await batch.run(ROWS, key="right")
    assert summary.stop is None
    assert batch.outcomes() == ALL_OK


async def test_credits_that_run_out_leave_what_was_paid_for_and_a_top_up_goes_on(batch: Batch) -> None:
    batch.simulator.change(balance_usd=0.2)
    summary = await batch.run(ROWS)
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.ACCOUNT
    assert list(batch.outcomes().values()) == [["ok"]] * 5
    batch.simulator.change(balance_usd=10)
    await batch.run(ROWS)
    assert batch.outcomes() == ALL_OK
    assert len(batch.simulator.bill.charges) == 12
