"""P2: a job whose submission was never answered is found in the list of its service, and not bought again."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.batches import QUICK, Watcher, read_index, write_manifest
from support.job_kills import FAL, REPLICATE, JobRun, JobService, judge_jobs
from support.processes import until

from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.stop import StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Fault, ImageContent, Simulator, SimulatorSettings, SimulatorThread

EACH = pytest.mark.parametrize("service", [FAL, REPLICATE], ids=lambda service: service.provider)


def settings(service: JobService, **given: Any) -> SimulatorSettings:
    known = {"job_s": (0.0, 0.1), "image_content": ImageContent.SMALL, "key": service.key, "price_usd": 0.03}
    return SimulatorSettings(**{"provider": service.provider, **known, **given})


async def draw(service: JobService, manifest: Path, url: str, **given: object) -> Watcher:
    """Run a manifest; looking for a lost job ends with the job, so that its limit costs a test no time."""
    known = {**QUICK, "retry.find_s": 60.0, "model": service.model, f"providers.{service.provider}.base_url": url}
    loaded = load_config(given=known | given)
    job = make_job(open_manifest(str(manifest)), loaded, manifest.parent / "out", Selection())
    watcher = Watcher()
    await run_job(job, Keyring({service.key_variable: service.key}), watcher, StopSignal())
    return watcher


@EACH
@pytest.mark.parametrize("fault", ["reset", "cut_off"])
async def test_an_answer_that_was_lost_on_its_way_costs_no_second_job(
    tmp_path: Path, service: JobService, fault: str
) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(6)])
    async with Simulator(settings(service, faults=(Fault.parse(f"{fault}@2-4"),))) as simulator:
        await draw(service, manifest, simulator.url)
        assert len(simulator.queue.jobs) == 6
        await draw(service, manifest, simulator.url)
        assert len(simulator.queue.jobs) == 6
        made = {job.id for job in simulator.queue.jobs}
    records = read_index(tmp_path / "out")
    assert {record["inference_id"] for record in records} == made
    assert {record["status"] for record in records} == {"ok"}
    assert not any(record["in_doubt_ids"] for record in records)
    assert len({(record["cost_usd"], record["cost_source"]) for record in records}) == 1, "found costs what sent costs"
    assert len({record["client_request_id"] for record in records}) == 6


@EACH
def test_what_a_run_had_just_sent_when_it_was_killed_is_found_by_the_next(tmp_path: Path, service: JobService) -> None:
    lost = settings(service, job_s=(0.0, 0.5), faults=(Fault.parse("stall=1"),), stall_s=3600.0)
    with SimulatorThread(lost) as simulator:
        job = JobRun(tmp_path, simulator.url, rows=4, service=service, find_s=60.0)
        process = job.start()
        until(lambda: len(simulator.queue.jobs) == 4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        simulator.change(faults=())
        job.finish()
        assert len(simulator.queue.jobs) == 4, "nothing was sent again"
        assert judge_jobs(job, simulator) == 0
    assert not any(record["in_doubt_ids"] for record in read_index(tmp_path / "out"))


@EACH
async def test_what_never_came_to_the_service_is_sent_again_and_stays_in_doubt_by_name(
    tmp_path: Path, service: JobService
) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    async with Simulator(settings(service, faults=(Fault.parse("reset_early@1"),))) as simulator:
        await draw(service, manifest, simulator.url, **{"retry.find_s": 0.1})
        assert len(simulator.queue.jobs) == 1
    (record,) = read_index(tmp_path / "out")
    assert (record["status"], len(record["in_doubt_ids"])) == ("ok", 1)


@EACH
async def test_a_job_of_another_row_that_asked_for_the_same_is_not_taken_for_the_lost_one(
    tmp_path: Path, service: JobService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchgen.providers.http.request_body.RequestBodies.is_body_of", lambda *_: True)
    async with Simulator(settings(service)) as simulator:
        await draw(service, write_manifest(tmp_path / "m.csv", ["a fox"]), simulator.url)
        simulator.change(faults=(Fault.parse("reset_early@2"),))
        manifest = write_manifest(tmp_path / "m.csv", ["a fox", "a hare"])
        await draw(service, manifest, simulator.url, **{"retry.find_s": 0.1})
        assert len(simulator.queue.jobs) == 2
    assert len({record["inference_id"] for record in read_index(tmp_path / "out")}) == 2


@EACH
async def test_a_job_without_an_image_is_not_taken_for_the_lost_one_that_came_after_it(
    tmp_path: Path, service: JobService
) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    faults = (Fault.parse("no_image@1"), Fault.parse("reset@2"))
    async with Simulator(settings(service, faults=faults)) as simulator:
        await draw(service, manifest, simulator.url)
        first, second = simulator.queue.jobs
    (record,) = read_index(tmp_path / "out")
    assert (record["status"], record["inference_id"]) == ("ok", second.id)
    assert first.id != second.id


async def test_a_list_that_is_refused_is_asked_for_once_and_the_request_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"detail": "This token may not do that"}, status=403)

    monkeypatch.setattr("batchgen.simulator.dialects.replicate.dialect._list", refuse)
    manifest = write_manifest(tmp_path / "m.csv", ["a fox", "a hare"])
    async with Simulator(settings(REPLICATE, faults=(Fault.parse("reset@1-2"),))) as simulator:
        watcher = await draw(REPLICATE, manifest, simulator.url)
        assert len(simulator.queue.jobs) == 4
    assert len(asked) == 1
    (told,) = (warning for warning in watcher.warnings if "list of jobs" in warning)
    assert "is sent again: This token may not do that" in told
    assert all(len(record["in_doubt_ids"]) == 1 for record in read_index(tmp_path / "out"))


@EACH
async def test_the_last_attempt_of_a_run_is_looked_for_before_it_is_in_doubt(
    tmp_path: Path, service: JobService
) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    async with Simulator(settings(service, faults=(Fault.parse("reset@1-"),))) as simulator:
        await draw(service, manifest, simulator.url, **{"retry.max_attempts": 1})
        assert len(simulator.queue.jobs) == 1
    (record,) = read_index(tmp_path / "out")
    assert (record["status"], record["in_doubt_ids"]) == ("ok", [])


async def test_no_list_is_looked_at_where_the_user_says_so(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    async with Simulator(settings(FAL, faults=(Fault.parse("reset@1"),))) as simulator:
        await draw(FAL, manifest, simulator.url, **{"retry.find_s": 0})
        assert len(simulator.queue.jobs) == 2
