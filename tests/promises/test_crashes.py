"""P1 and P2: whatever is killed when, nothing received is lost and nothing with a known outcome is bought again."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from subprocess import Popen

import pytest
from support.crashes import Job, judge, pause_before_kill, simulator_settings

from batchgen.simulator import SimulatorThread

_KILLS = 10


def kill_after(process: Popen[bytes], simulator: SimulatorThread, arrivals: int, pause_s: float) -> bool:
    """Kill a run a moment after so many requests have arrived in all; False if it ended by itself first."""
    while len(simulator.bill.arrivals) < arrivals:
        if process.poll() is not None:
            return False
        time.sleep(0.001)
    time.sleep(pause_s)
    process.kill()
    return process.wait() < 0


@pytest.mark.parametrize("transport", ["base64", "url"])
def test_ten_kills_at_random_moments_lose_nothing_and_buy_nothing_twice(tmp_path: Path, transport: str) -> None:
    random = Random(f"ten kills, {transport}")
    with SimulatorThread(simulator_settings(transport)) as simulator:
        job = Job(tmp_path, simulator.url, transport, rows=100)
        kills = 0
        for _ in range(_KILLS):
            arrivals = len(simulator.bill.arrivals) + random.randint(1, 9)
            kills += kill_after(job.start(), simulator, arrivals, pause_before_kill(random))
        job.finish()
        verdict = judge(job, simulator.bill.arrivals, simulator.bill.charges)
    assert kills == _KILLS
    assert verdict.images > 150
    assert verdict.in_doubt > 0
