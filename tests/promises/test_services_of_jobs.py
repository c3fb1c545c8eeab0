"""Runs at each service of jobs that the simulator is: each job bought once, collected across kills, and counted."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path
from subprocess import Popen, run
from typing import Any

import pytest
from support.batches import QUICK, Watcher, read_index, write_manifest
from support.job_kills import BFL, REPLICATE, JobRun, JobService, judge_jobs
from support.processes import until

from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Fault, ImageContent, Simulator, SimulatorSettings, SimulatorThread

EACH = pytest.mark.parametrize("service", [REPLICATE, BFL], ids=lambda service: service.provider)


def settings(service: JobService, **given: Any) -> SimulatorSettings:
    known = {"job_s": (0.0, 0.3), "image_content": ImageContent.SMALL, "key": service.key, "price_usd": 0.03}
    return SimulatorSettings(**{"provider": service.provider, **known, **given})


async def draw(service: JobService, manifest: Path, url: str, **given: object) -> RunSummary:
    known = {**QUICK, "model": service.model, f"providers.{service.provider}.base_url": url, **given}
    job = make_job(open_manifest(str(manifest)), load_config(given=known), manifest.parent / "out", Selection())
    return await run_job(job, Keyring({service.key_variable: service.key}), Watcher(), StopSignal())


@EACH
async def test_each_job_is_bought_once(tmp_path: Path, service: JobService) -> None:
    prompts = [f"a fox {number}" for number in range(6)] + ["BLOCKME"]
    manifest = write_manifest(tmp_path / "m.csv", prompts)
    faults = (Fault.parse("rate_limited@2"), Fault.parse("no_image@4"))
    async with Simulator(settings(service, faults=faults)) as simulator:
        await draw(service, manifest, simulator.url)
        bought = len(simulator.queue.jobs)
        await draw(service, manifest, simulator.url)
        assert len(simulator.queue.jobs) == bought == 8, "the one that failed was asked for again"
        records = read_index(tmp_path / "out")
        assert Counter(record["status"] for record in records) == {"ok": 6, "blocked": 1}
    written = (path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert not any(service.key.encode() in data for data in written)


async def test_no_more_tasks_are_out_than_the_service_takes_at_once(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(40)])
    async with Simulator(settings(BFL, job_s=(0.2, 0.2))) as simulator:
        summary = await draw(BFL, manifest, simulator.url, **{"limits.concurrency": 40})
        assert summary.stop is None
        assert len(simulator.bill.arrivals) == 40, "none was refused as one too many"


async def test_what_a_task_costs_is_what_the_service_said_when_it_took_it(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox", "a hare"])
    async with Simulator(settings(BFL, price_usd=0.0625)) as simulator:
        await draw(BFL, manifest, simulator.url)
    assert [record["cost_usd"] for record in read_index(tmp_path / "out")] == [0.0625, 0.0625]


@EACH
def test_what_a_killed_run_had_out_is_collected_by_the_next_and_not_bought_again(
    tmp_path: Path, service: JobService
) -> None:
    with SimulatorThread(settings(service, job_s=(3600.0, 3600.0))) as simulator:
        job = JobRun(tmp_path, simulator.url, rows=4, service=service)
        process: Popen[bytes] = job.start()
        until(lambda: len(simulator.queue.jobs) == 4 and all(one.polls for one in simulator.queue.jobs))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for one in simulator.queue.jobs:
            one.done_at_s = 0.0
        job.finish()
        assert len(simulator.queue.jobs) == 4, "nothing was sent again"
        assert judge_jobs(job, simulator) == 0


@EACH
def test_the_simulator_stands_for_it(tmp_path: Path, service: JobService) -> None:
    write_manifest(tmp_path / "m.csv", ["a fox"])
    command = ("-m", "batchgen", "run", "m.csv", "-o", "out", "--model", service.model, "--simulate", "--rpm", "60000")
    ended = run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    (record,) = read_index(tmp_path / "out")
    assert f"{record['provider']}/{record['model']}" == service.model
    assert record["status"] == "ok"
