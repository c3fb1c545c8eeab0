"""P2: a job that a service accepted is collected, whatever is killed when, and never bought again."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from subprocess import Popen

import pytest
from support.batches import QUICK, Watcher, read_index, write_manifest
from support.job_kills import KEY, MODEL, JobRun, fal_settings, judge_jobs
from support.processes import until

from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Fault, Simulator, SimulatorThread

_KILLS = 10


async def run(manifest: Path, url: str, settings: Mapping[str, object] | None = None) -> RunSummary:
    given = {**QUICK, "model": MODEL, "providers.fal.base_url": url, **(settings or {})}
    job = make_job(open_manifest(str(manifest)), load_config(given=given), manifest.parent / "out", Selection())
    return await run_job(job, Keyring({"FAL_KEY": KEY}), Watcher(), StopSignal())


def kill_after(process: Popen[bytes], simulator: SimulatorThread, jobs: int, pause_s: float) -> bool:
    """Kill a run a moment after so many jobs were accepted in all; False if it ended by itself first."""
    while len(simulator.queue.jobs) < jobs:
        if process.poll() is not None:
            return False
        time.sleep(0.001)
    time.sleep(pause_s)
    process.kill()
    return process.wait() < 0


def test_kills_at_random_moments_buy_no_job_twice_that_was_accepted(tmp_path: Path) -> None:
    random = Random("kills of jobs")
    with SimulatorThread(fal_settings()) as simulator:
        job = JobRun(tmp_path, simulator.url, rows=60)
        kills = 0
        for _ in range(_KILLS):
            jobs = len(simulator.queue.jobs) + random.randint(1, 4)
            kills += kill_after(job.start(), simulator, jobs, random.choice((0.0, 0.01, 0.05, 0.3)) * random.random())
        job.finish()
        judge_jobs(job, simulator)
    assert kills == _KILLS


def test_a_second_ctrl_c_leaves_jobs_at_the_service_and_the_next_run_collects_them(tmp_path: Path) -> None:
    with SimulatorThread(fal_settings(job_s=(3600.0, 3600.0))) as simulator:
        job = JobRun(tmp_path, simulator.url, rows=4)
        process = job.start()
        until(lambda: len(simulator.queue.jobs) == 4 and all(one.polls for one in simulator.queue.jobs))
        process.send_signal(signal.SIGINT)
        until(lambda: "finishing 4 requests in flight" in job.said())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert "4 jobs left at the service, to be collected for free until" in job.said()
        for one in simulator.queue.jobs:
            one.done_at_s = 0.0
        job.finish()
        assert len(simulator.queue.jobs) == 4, "nothing was sent again"
        assert judge_jobs(job, simulator) == 0


async def test_each_job_is_bought_once_and_what_it_brought_is_what_it_is(tmp_path: Path) -> None:
    prompts = [f"a fox {number}" for number in range(6)] + ["BLOCKME"]
    manifest = write_manifest(tmp_path / "m.csv", prompts, num_images=2)
    faults = (Fault.parse("rate_limited@2"), Fault.parse("server_error@4"))
    async with Simulator(fal_settings(job_s=(0.0, 0.2), faults=faults)) as service:
        await run(manifest, service.url)
        bought = len(service.queue.jobs)
        await run(manifest, service.url)
        assert len(service.queue.jobs) == bought == 7
    records = read_index(tmp_path / "out")
    assert Counter(record["status"] for record in records) == {"ok": 12, "blocked": 2}
    assert {record["error_kind"] for record in records if record["status"] == "blocked"} == {"safety"}
    assert KEY not in "".join(
        path.read_bytes().decode("utf-8", "replace") for path in (tmp_path / "out").rglob("*") if path.is_file()
    )


async def test_a_job_that_the_service_forgot_is_in_doubt_and_asked_for_again_by_the_next_run_only(
    tmp_path: Path,
) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    async with Simulator(fal_settings(job_s=(0.0, 0.0), job_kept_s=0.0)) as service:
        await run(manifest, service.url)
        (record,) = read_index(tmp_path / "out")
        assert (record["status"], record["error_kind"]) == ("in_doubt", "expired")
        assert len(service.queue.jobs) == 1
        service.change(job_kept_s=3600.0)
        await run(manifest, service.url)
        assert len(service.queue.jobs) == 2
    (record,) = read_index(tmp_path / "out")
    assert (record["status"], len(record["in_doubt_ids"])) == ("ok", 1)


@pytest.mark.parametrize("address", ["https://evil.example/status", "http://127.0.0.1:1/status"])
async def test_the_key_goes_to_no_other_host_and_the_job_is_left(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(request: object, job_id: str) -> dict[str, str]:
        return {"status_url": address, "response_url": address}

    monkeypatch.setattr("batchgen.simulator.dialects.fal.dialect._urls", elsewhere)
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    async with Simulator(fal_settings()) as service:
        summary = await run(manifest, service.url)
        assert summary.stop is not None
        assert "the key was not sent there" in summary.stop.message
        await run(manifest, service.url)
        assert len(service.queue.jobs) == 1, "it was accepted: it is left, and not bought again"
    (record,) = read_index(tmp_path / "out")
    assert (record["status"], record["error_kind"]) == ("in_doubt", "accepted")
