"""Two hundred kills, at steps on the disk and at random moments, while another process reads all Parquet files.

Not collected by default: `pytest tests/torture/torture_*.py`.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from subprocess import PIPE, STDOUT, Popen

import pytest
from support.crashes import Job, judge, pause_before_kill, simulator_settings

from batchgen.simulator import SimulatorThread

DRIVER = Path(__file__).with_name("driver.py")
READER = Path(__file__).with_name("reader.py")
# For each transport. A short run has some three hundred steps, from the lock to the card.
_KILLS_AT_STEPS = 85
_KILLS_AT_MOMENTS = 20
_MOMENTS = ("before", "middle", "after")
_REQUESTS_PER_RUN = 12


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("transport", ["base64", "url"])
def test_a_hundred_kills_at_every_step_lose_nothing_and_buy_nothing_twice(tmp_path: Path, transport: str) -> None:
    random = Random(f"torture, {transport}")
    with SimulatorThread(simulator_settings(transport)) as simulator:
        job = Job(tmp_path, simulator.url, transport, rows=1400)
        reader = Popen([sys.executable, str(READER), str(job.out)], stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True)
        began = time.monotonic()
        outcomes = _kill_at_steps(job, random)
        kills = outcomes[-9] + _kill_at_moments(job, simulator, random)
        job.command = (sys.executable, str(DRIVER), "0", "after")
        job.finish()
        seconds = time.monotonic() - began
        verdict = judge(job, simulator.bill.arrivals, simulator.bill.charges)
    said, _ = reader.communicate()
    print(f"\n{transport}: {kills} kills in {seconds:.0f} s; {said.strip()}; {verdict}; exit codes {dict(outcomes)}")
    assert reader.returncode == 0
    assert "unreadable" not in said
    assert kills >= 100


def _kill_at_steps(job: Job, random: Random) -> Counter[int]:
    """Begin runs that die at a step each; return how many ended in which way."""
    steps = job.folder / "steps"
    job.command = (sys.executable, str(DRIVER), "0", "after")
    assert job.start("--limit", str(_REQUESTS_PER_RUN), TORTURE_STEPS=str(steps)).wait(timeout=110) in (0, 1), (
        job.said()
    )
    last = int(steps.read_text())
    outcomes: Counter[int] = Counter()
    while outcomes[-9] < _KILLS_AT_STEPS:
        step, moment = random.randint(1, last), random.choice(_MOMENTS)
        job.command = (sys.executable, str(DRIVER), str(step), moment)
        code = job.start("--limit", str(_REQUESTS_PER_RUN)).wait(timeout=110)
        assert code in (-9, 0, 1), (step, moment, job.said())
        outcomes[code] += 1
    return outcomes


def _kill_at_moments(job: Job, simulator: SimulatorThread, random: Random) -> int:
    """Begin runs that are killed a moment after some request arrived; return how many were."""
    job.command = (sys.executable, str(DRIVER), "0", "after")
    kills = 0
    for _ in range(_KILLS_AT_MOMENTS):
        arrivals = len(simulator.bill.arrivals) + random.randint(1, 12)
        process = job.start()
        while len(simulator.bill.arrivals) < arrivals and process.poll() is None:
            time.sleep(0.001)
        time.sleep(pause_before_kill(random))
        process.kill()
        kills += process.wait() < 0
    return kills
