"""P1 on a disk that refuses: the run stops with exit code 4 and says why; the same command goes on when it can."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from support.crashes import Job, judge

from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

STOPPED = 4


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(SimulatorSettings(image_content=ImageContent.SMALL, latency_s=(0.0, 0.02))) as opened:
        yield opened


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB, where this process may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)):
        pytest.skip("only root can mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def test_a_disk_that_fills_up_loses_nothing_that_was_paid_for(small_disk: Path, simulator: SimulatorThread) -> None:
    job = Job(small_disk, simulator.url, "base64", rows=160, options=("--concurrency", "2"))
    assert job.start().wait(timeout=60) == STOPPED
    assert "No space left on device" in job.said()
    assert "type the same command again" in job.said()
    # Sealing the WAL made a little room, which the next runs may use; then nothing more is bought.
    bought = -1
    while len(simulator.bill.charges) > bought:
        bought = len(simulator.bill.charges)
        assert job.start().wait(timeout=60) == STOPPED
    assert mount("-o", "remount,size=64m", str(small_disk))
    job.finish()
    verdict = judge(job, simulator.bill.arrivals, simulator.bill.charges)
    assert (verdict.in_doubt, verdict.lost) == (0, 0)
    assert verdict.images == sum(charge.images for charge in simulator.bill.charges)


def test_a_disk_too_small_for_the_work_list_stops_the_run_and_keeps_what_was_bought(
    small_disk: Path, tmp_path: Path, simulator: SimulatorThread
) -> None:
    """Planning fills the disk with 30 MB of prompts that do not compress."""
    job = Job(tmp_path / "job", simulator.url, "base64", rows=1, options=("--concurrency", "2"))
    job.out.symlink_to(small_disk)  # what the run says goes elsewhere
    with (job.folder / "rows.csv").open("w") as file:
        file.write("id,prompt\n")
        file.writelines(f"row-{row},{Random(row).randbytes(100).hex()}\n" for row in range(150_000))
    assert job.start().wait(timeout=100) == STOPPED
    assert "cannot write out/.batchgen/work.arrow: No space left on device" in job.said()
    assert not job.layout.work_list.exists()
    assert {record["status"] for record in job.records()} <= {"ok"}
    assert len(job.records()) == len(simulator.bill.charges)


def test_a_disk_that_may_not_be_written_stops_the_run_before_anything_is_bought(
    small_disk: Path, simulator: SimulatorThread
) -> None:
    job = Job(small_disk, simulator.url, "base64", rows=5, options=("--concurrency", "1"))
    job.finish()
    bought = len(simulator.bill.charges)
    assert mount("-o", "remount,ro", str(small_disk))
    run = subprocess.run(
        [sys.executable, "-m", "batchgen", "run", "rows.csv", "-o", "out", "--base-url", simulator.url],
        cwd=small_disk,
        env=os.environ | {"AIMLAPI_API_KEY": "key-of-a-test"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == STOPPED, run.stderr
    assert "Read-only file system" in run.stderr
    assert len(simulator.bill.charges) == bought


def test_a_process_that_may_open_few_files_stops_or_finishes_and_loses_nothing(
    tmp_path: Path, simulator: SimulatorThread
) -> None:
    for limit in (12, 18, 24):
        job = Job(tmp_path / str(limit), simulator.url, "base64", rows=12)
        job.command = ("sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", sys.executable, "-m", "batchgen")
        code = job.start().wait(timeout=60)
        assert code in (0, 1, STOPPED), (limit, code, job.said())
        assert "Traceback" not in job.said(), job.said()
    job.command = (sys.executable, "-m", "batchgen")
    job.finish()


def test_a_second_run_on_a_held_folder_stops_and_says_who_holds_it(tmp_path: Path, simulator: SimulatorThread) -> None:
    simulator.change(latency_s=(30.0, 30.0))
    job = Job(tmp_path, simulator.url, "base64", rows=6)
    first = job.start()
    while not simulator.bill.arrivals:
        assert first.poll() is None, job.said()
    second = job.start()
    assert second.wait(timeout=60) == STOPPED
    assert f"is being written by process {first.pid} on {os.uname().nodename}" in job.said()
    first.kill()
    first.wait()
    simulator.change(latency_s=(0.0, 0.0))
    job.finish()
    judge(job, simulator.bill.arrivals, simulator.bill.charges)
