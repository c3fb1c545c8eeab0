"""Runs at a ComfyUI server: an id of ours leaves nothing in doubt, and nothing is made twice."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from random import Random

from support.batches import QUICK, Watcher, read_index, write_manifest
from support.comfyui import write_model
from support.job_kills import COMFYUI, JobRun, judge_jobs

from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Fault, ImageContent, Simulator, SimulatorSettings, SimulatorThread

_KILLS = 6


def settings(**given: object) -> SimulatorSettings:
    known: dict[str, object] = {"image_content": ImageContent.SMALL, "job_s": (0.0, 0.2)}
    return SimulatorSettings(provider="comfyui", **{**known, **given})  # type: ignore[arg-type]


async def draw(manifest: Path, url: str, models: Path) -> RunSummary:
    known = {"model": COMFYUI.model, "models": [str(models)], "providers.comfyui.base_url": url}
    job = make_job(
        open_manifest(str(manifest)), load_config(given={**QUICK, **known}), manifest.parent / "out", Selection()
    )
    return await run_job(job, Keyring({}), Watcher(), StopSignal())


async def test_answers_that_never_came_are_not_made_again(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(8)])
    faults = tuple(map(Fault.parse, ("reset@2", "cut_off@4", "truncated_body@5", "server_error@6")))
    async with Simulator(settings(faults=faults)) as service:
        summary = await draw(manifest, service.url, write_model(tmp_path / "models"))
        assert summary.stop is None
        assert Counter(job.prompt for job in service.queue.jobs) == {f"a fox {number}": 1 for number in range(8)}
        assert len(service.bill.arrivals) == 9, "only what was refused was sent again"
    records = read_index(tmp_path / "out")
    assert {record["status"] for record in records} == {"ok"}
    assert not any(record["in_doubt_ids"] for record in records)
    assert {record["cost_usd"] for record in records} == {0.0}


async def test_a_changed_workflow_is_another_request_and_the_same_one_sends_nothing(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    async with Simulator(settings()) as service:
        for steps, jobs in ((20, 1), (20, 1), (30, 2)):
            models = write_model(tmp_path / "models")
            graph = models.with_suffix(".json")
            graph.write_text(graph.read_text().replace('"steps": 20', f'"steps": {steps}'))
            await draw(manifest, service.url, models)
            assert len(service.queue.jobs) == jobs


def test_whatever_is_killed_when_no_graph_runs_twice_and_nothing_is_in_doubt(tmp_path: Path) -> None:
    random = Random("kills of graphs")
    with SimulatorThread(settings(latency_s=(0.0, 0.03))) as simulator:
        run = JobRun(tmp_path, simulator.url, rows=40, service=COMFYUI)
        for _ in range(_KILLS):
            process, begun = run.start(), len(simulator.bill.arrivals)
            while len(simulator.bill.arrivals) <= begun + random.randint(0, 3) and process.poll() is None:
                time.sleep(0.001)
            time.sleep(random.choice((0.0, 0.005, 0.02, 0.1)) * random.random())
            process.kill()
            process.wait()
        run.finish()
        run.finish()  # what the first of them had never heard of is sent by the next
        assert judge_jobs(run, simulator) == 0
        assert max(Counter(job.prompt for job in simulator.queue.jobs).values()) == 1
