"""Runs at Black Forest Labs' dialect of the simulator: each task bought once, collected across kills, and counted."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path
from subprocess import Popen, run

import pytest
from support.batches import QUICK, Watcher, read_index, write_manifest
from support.job_kills import BFL, JobRun, judge_jobs
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


def settings(**given: object) -> SimulatorSettings:
    known = {"job_s": (0.0, 0.3), "image_content": ImageContent.SMALL, "key": BFL.key, "price_usd": 0.045}
    return SimulatorSettings(**{"provider": "bfl", **known, **given})  # type: ignore[arg-type]


async def draw(manifest: Path, url: str, **given: object) -> RunSummary:
    known = {**QUICK, "model": BFL.model, "providers.bfl.base_url": url, **given}
    job = make_job(open_manifest(str(manifest)), load_config(given=known), manifest.parent / "out", Selection())
    return await run_job(job, Keyring({BFL.key_variable: BFL.key}), Watcher(), StopSignal())


async def test_each_task_is_bought_once_and_its_cost_is_the_services(tmp_path: Path) -> None:
    prompts = [f"a fox {number}" for number in range(6)] + ["BLOCKME"]
    manifest = write_manifest(tmp_path / "m.csv", prompts)
    faults = (Fault.parse("rate_limited@2"), Fault.parse("no_image@4"))
    async with Simulator(settings(faults=faults)) as service:
        await draw(manifest, service.url)
        bought = len(service.queue.jobs)
        await draw(manifest, service.url)
        assert len(service.queue.jobs) == bought == 8, "the one that failed was asked for again"
        records = read_index(tmp_path / "out")
        assert Counter(record["status"] for record in records) == {"ok": 6, "blocked": 1}
        assert sum(record["cost_usd"] or 0 for record in records) == pytest.approx(
            float(sum(charge.usd for charge in service.bill.charges))
        )
    written = (path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert not any(BFL.key.encode() in data for data in written)


async def test_no_more_tasks_are_out_than_the_service_takes_at_once(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(40)])
    async with Simulator(settings(job_s=(0.2, 0.2))) as service:
        summary = await draw(manifest, service.url, **{"limits.concurrency": 40})
        assert summary.stop is None
        assert len(service.bill.arrivals) == 40, "none was refused as one too many"


def test_what_a_killed_run_had_out_is_collected_by_the_next_and_not_bought_again(tmp_path: Path) -> None:
    with SimulatorThread(settings(job_s=(3600.0, 3600.0))) as simulator:
        job = JobRun(tmp_path, simulator.url, rows=4, service=BFL)
        process: Popen[bytes] = job.start()
        until(lambda: len(simulator.queue.jobs) == 4 and all(one.polls for one in simulator.queue.jobs))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for one in simulator.queue.jobs:
            one.done_at_s = 0.0
        job.finish()
        assert len(simulator.queue.jobs) == 4, "nothing was sent again"
        assert judge_jobs(job, simulator) == 0


def test_the_simulator_stands_for_it(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.csv", ["a fox"])
    command = ("-m", "batchgen", "run", "m.csv", "-o", "out", "--model", BFL.model, "--simulate", "--rpm", "60000")
    ended = run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    (record,) = read_index(tmp_path / "out")
    assert (record["provider"], record["model"], record["status"]) == ("bfl", "flux-2-pro", "ok")
