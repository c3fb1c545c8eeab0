"""P2 where two runs meet on one folder: whatever their locks are worth, nothing is bought twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Simulate
from support.crashes import Job, judge

from batchgen.core.attempts import parse_attempt_id
from batchgen.simulator import SimulatorThread

STOPPED = 4

# A machine that has mounted the folder in its own way: its locks and its process ids mean nothing to others.
ON_ANOTHER_MACHINE = """\
import fcntl, socket, sys
fcntl.flock = lambda *_: None
socket.gethostname = lambda: "host-b"
from batchgen.store import holder
holder._machine = lambda: "the boot of another machine"
from batchgen.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
# A file system that has no locks, as NFS without its lock service.
WITHOUT_LOCKS = """\
import errno, fcntl, sys
def flock(*_):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
from batchgen.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
HERE = (sys.executable, "-m", "batchgen")


@pytest.fixture
def simulator(simulate: Simulate) -> SimulatorThread:
    return simulate(latency_s=(1.0, 1.5))


def make_job(folder: Path, simulator: SimulatorThread, program: str | None = None) -> Job:
    command = HERE if program is None else (sys.executable, "-c", program)
    return Job(folder, simulator.url, "base64", rows=40, command=command, options=("--concurrency", "4"))


def wait_until(happened: Callable[[], object], process: subprocess.Popen[bytes], job: Job) -> None:
    while not happened():
        assert process.poll() is None, job.said()


def bought_twice(simulator: SimulatorThread) -> list[object]:
    """The requests that were charged more than once."""
    ids = [parse_attempt_id(charge.client_request_id or "") for charge in simulator.bill.charges]
    return [key for key, times in Counter(named and named[1] for named in ids).items() if times > 1]


def test_of_two_machines_with_one_folder_the_second_stops_and_nothing_is_bought_twice(
    tmp_path: Path, simulator: SimulatorThread
) -> None:
    job = make_job(tmp_path, simulator, ON_ANOTHER_MACHINE)
    first = job.start()
    wait_until(lambda: len(simulator.bill.charges) > 4, first, job)
    job.command = HERE
    second = job.start()
    assert second.wait(timeout=60) == STOPPED
    assert f"is being written by process {first.pid} on host-b since 20" in job.said()
    simulator.change(latency_s=(0.0, 0.0))
    assert first.wait(timeout=60) in (0, 1), job.said()
    assert not bought_twice(simulator)
    job.finish()
    judge(job, simulator.bill.arrivals, simulator.bill.charges)


def test_a_run_whose_lock_file_is_removed_stops_keeps_what_is_in_flight_and_lets_nobody_in(
    tmp_path: Path, simulator: SimulatorThread
) -> None:
    job = make_job(tmp_path, simulator)
    first = job.start()
    wait_until(lambda: len(simulator.bill.charges) > 4, first, job)
    simulator.change(latency_s=(8.0, 8.0))  # longer than anybody would wait to see the log grow
    wait_until(lambda: len(simulator.bill.arrivals) - len(simulator.bill.charges) >= 4, first, job)
    job.layout.lock.unlink()
    second = job.start()
    assert second.wait(timeout=60) == STOPPED
    assert "is being written by" in job.said()
    assert first.wait(timeout=60) == STOPPED
    assert f"{Path('out') / '.batchgen' / 'lock'} " in job.said()
    assert "this run sends nothing more and keeps what it has paid for" in job.said()
    assert len(simulator.bill.arrivals) < 30
    simulator.change(latency_s=(0.0, 0.0))
    job.finish()
    assert not bought_twice(simulator)
    judge(job, simulator.bill.arrivals, simulator.bill.charges)


def test_a_file_system_without_locks_keeps_a_second_run_out_and_a_killed_one_is_resumed(
    tmp_path: Path, simulator: SimulatorThread
) -> None:
    job = make_job(tmp_path, simulator, WITHOUT_LOCKS)
    first = job.start()
    wait_until(lambda: len(simulator.bill.charges) > 4, first, job)
    assert job.start().wait(timeout=60) == STOPPED
    assert f"is being written by process {first.pid} on" in job.said()
    first.kill()
    first.wait()
    simulator.change(latency_s=(0.0, 0.0))
    job.finish()
    assert not [path for path in job.out.rglob("*") if path.name == "lock"]
    assert len(bought_twice(simulator)) <= 4, "no more than were in flight at the kill"
