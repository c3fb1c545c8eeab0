"""P1 and P2: whatever is killed when, nothing received is lost and nothing with a known outcome is bought again."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random
from subprocess import Popen

import pytest
from support.crashes import Job, judge, pause_before_kill, simulator_settings

from batchgen.simulator import SimulatorThread

_KILLS = 10

# batchgen, on a machine that reads the manifest so slowly that requests leave while planning goes on.
SLOW_READING = """
import sys, time
from batchgen.cli.main import main
from batchgen.engine import planner
from batchgen.manifest import csv_source

chunks = csv_source.CsvManifest.chunks

def slowly(manifest):
    for chunk in chunks(manifest):
        time.sleep(0.02)
        yield chunk

csv_source.BATCH_ROWS = 2
csv_source.CsvManifest.chunks = slowly
planner._HEAD_START_S = 0.0
sys.exit(main(sys.argv[1:]))
"""


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


def test_kills_in_the_middle_of_planning_and_sending_lose_nothing_and_buy_nothing_twice(tmp_path: Path) -> None:
    random = Random("kills while planning")
    with SimulatorThread(simulator_settings("base64")) as simulator:
        job = Job(tmp_path, simulator.url, "base64", rows=100, command=(sys.executable, "-c", SLOW_READING))
        kills, left_behind = 0, 0
        for _ in range(_KILLS):
            arrivals = len(simulator.bill.arrivals) + random.randint(1, 9)
            kills += kill_after(job.start(), simulator, arrivals, pause_before_kill(random))
            left_behind += job.layout.work_list.exists()
        runs = {event["run"]: set[str]() for event in job.events()}
        for event in job.events():
            runs[event["run"]].add(event["event"])
        job.finish()
        verdict = judge(job, simulator.bill.arrivals, simulator.bill.charges)
    assert kills == left_behind == _KILLS
    assert sum("sent" in events and "planned" not in events for events in runs.values()) > _KILLS // 2
    assert verdict.images > 150
    assert not job.layout.work_list.exists()
