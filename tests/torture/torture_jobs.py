"""A hundred kills of runs whose service accepts jobs: at every step on the disk, and at random moments.

Not collected by default: `pytest tests/torture/torture_*.py`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random

import pytest
from support.job_kills import JobRun, fal_settings, judge_jobs

from batchgen.simulator import SimulatorThread

DRIVER = Path(__file__).with_name("driver.py")
_KILLS_AT_STEPS = 80
_KILLS_AT_MOMENTS = 20
_MOMENTS = ("before", "middle", "after")
_REQUESTS_PER_RUN = 6


@pytest.mark.timeout(1200)
def test_a_hundred_kills_between_submit_and_done_buy_no_accepted_job_twice(tmp_path: Path) -> None:
    random = Random("torture of jobs")
    with SimulatorThread(fal_settings()) as simulator:
        run = JobRun(tmp_path, simulator.url, rows=400)
        kills = _kill_at_steps(run, random) + _kill_at_moments(run, simulator, random)
        run.command = (sys.executable, str(DRIVER), "0", "after")
        run.finish()
        twice = judge_jobs(run, simulator)
    print(f"\n{kills} kills, {len(simulator.queue.jobs)} jobs, {twice} bought twice: their submit was never answered")
    assert kills == _KILLS_AT_STEPS + _KILLS_AT_MOMENTS


def _kill_at_steps(run: JobRun, random: Random) -> int:
    """Begin runs that die at a step each, and return how many did."""
    steps = run.folder / "steps"
    run.command = (sys.executable, str(DRIVER), "0", "after")
    assert run.start("--limit", str(_REQUESTS_PER_RUN), TORTURE_STEPS=str(steps)).wait(timeout=110) == 0, run.said()
    last, kills = int(steps.read_text()), 0
    while kills < _KILLS_AT_STEPS:
        run.command = (sys.executable, str(DRIVER), str(random.randint(1, last)), random.choice(_MOMENTS))
        code = run.start("--limit", str(_REQUESTS_PER_RUN)).wait(timeout=110)
        assert code in (-9, 0), run.said()
        kills += code == -9
    return kills


def _kill_at_moments(run: JobRun, simulator: SimulatorThread, random: Random) -> int:
    """Begin runs that are killed a moment after some job was accepted, and return how many were."""
    run.command = (sys.executable, str(DRIVER), "0", "after")
    kills = 0
    while kills < _KILLS_AT_MOMENTS:
        jobs = len(simulator.queue.jobs) + random.randint(1, 6)
        process = run.start()
        while len(simulator.queue.jobs) < jobs and process.poll() is None:
            time.sleep(0.001)
        time.sleep(random.choice((0.0, 0.01, 0.05, 0.4)) * random.random())
        process.kill()
        kills += process.wait() < 0
    return kills
