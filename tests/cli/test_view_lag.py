"""Who reads a dataset is told of which run its view is, and who plans, how far it lags behind the manifest."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cli.conftest import Run, Start
    from conftest import Simulate, WriteManifest

ROWS = [{"id": f"r{number}", "prompt": f"fox {number}"} for number in range(4)]


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest(ROWS)


def run_of(url: str, *more: str) -> list[str]:
    return ["run", "m.csv", "-o", "out", "--base-url", url, "--rpm", "60000", *more]


def lag_of(run: Run) -> Any:
    return json.loads(run("plan", "m.csv", "-o", "out", "--json").out)["view"]


def test_a_view_that_is_right_is_not_spoken_of(run: Run, simulate: Simulate) -> None:
    assert "metadata.parquet" not in run("plan", "m.csv", "-o", "out").out
    run(*run_of(simulate().url))
    assert "metadata.parquet" not in run("plan", "m.csv", "-o", "out").out
    assert lag_of(run) == {"exists": True, "unfinished": False, "removed": 0, "returned": False}


def test_rows_that_went_or_came_back_are_told_until_the_next_run(
    run: Run, simulate: Simulate, write_manifest: WriteManifest
) -> None:
    url = simulate().url
    run(*run_of(url))
    write_manifest([*ROWS[:2], {"id": "r2", "prompt": "another fox"}])
    assert "it still has 2 images that the manifest does not ask for any more" in run("plan", "m.csv", "-o", "out").out
    run(*run_of(url))
    assert lag_of(run)["removed"] == 0
    write_manifest(ROWS)
    assert lag_of(run)["removed"] == 1, "the other fox"
    write_manifest([*ROWS, {"id": "r2b", "prompt": "another fox"}])
    run(*run_of(url))
    write_manifest(ROWS[:3])
    run(*run_of(url))
    write_manifest(ROWS)
    assert "it lacks images of rows that are in the manifest again" in run("plan", "m.csv", "-o", "out").out
    run(*run_of(url))
    assert not any((lag_of(run)["removed"], lag_of(run)["returned"]))


def test_status_and_export_name_the_run_whose_end_the_view_shows(run: Run, simulate: Simulate) -> None:
    run_id = json.loads(run(*run_of(simulate().url, "--json")).out)["run_id"]
    assert f"metadata.parquet is as run {run_id} left it" in run("status", "out").out
    assert json.loads(run("status", "out", "--json").out)["view"]["run_id"] == run_id
    exported = run("export", "captions", "out", "captions")
    assert (exported.code, exported.out) == (0, "captions\n")
    assert f"which is as run {run_id} left it" in exported.err


def test_a_run_that_was_cut_off_is_told(start: Start, run: Run, simulate: Simulate) -> None:
    first = json.loads(run(*run_of(simulate().url, "--limit", "1", "--json")).out)["run_id"]
    simulator = simulate(latency_s=(60, 60))
    process = start(*run_of(simulator.url, "--mix-services"))
    while not simulator.bill.arrivals:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for command in (("status", "out"), ("export", "captions", "out", "captions")):
        ended = run(*command)
        assert f"as run {first} left it" in ended.out + ended.err
        assert "what a run made since is not in it" in ended.out + ended.err
    assert lag_of(run)["unfinished"]
