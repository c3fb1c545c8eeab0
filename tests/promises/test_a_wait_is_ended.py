"""A service that asks for a wait of hours gets no longer than the user allows; nothing is bought or lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgen.core.exit_codes import ExitCode
from batchgen.simulator import Fault

if TYPE_CHECKING:
    from conftest import Batch

ROWS = [{"id": f"r{number}", "prompt": f"a fox {number}"} for number in range(4)]


async def test_a_quota_of_hours_ends_a_run_that_may_wait_a_minute(batch: Batch) -> None:
    batch.simulator.change(faults=(Fault.parse("rate_limited=1"),), retry_after_s=1800)
    summary = await batch.run(ROWS, settings={"retry.quota_wait_s": 60})
    assert summary.stop is not None
    assert summary.stop.kind.exit_code is ExitCode.STOPPED
    assert "aimlapi asks to wait 30 min 0 s, and retry.quota_wait_s allows 1 min 0 s" in summary.stop.message
    assert not batch.simulator.bill.charges
    batch.simulator.change(faults=())
    assert (await batch.run(ROWS)).stop is None
    assert len(batch.simulator.bill.charges) == len(ROWS)
