"""`run -q` says nothing of a run that is as it should be, `-v` every decision; neither changes what is done."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchgen.simulator import Fault

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate, WriteManifest


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([{"id": "fox", "prompt": "a fox"}, {"id": "hare", "prompt": "a hare"}])


def run_of(url: str, *more: str) -> list[str]:
    return ["run", "m.csv", "-o", "out", "--base-url", url, "--rpm", "60000", *more]


def test_a_quiet_run_that_is_done_says_nothing(run: Run, simulate: Simulate, tmp_path: Path) -> None:
    ended = run(*run_of(simulate().url, "-q"))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert len(list((tmp_path / "out").glob("images/*/*.png"))) == 2


def test_a_quiet_run_still_prints_json(run: Run, simulate: Simulate) -> None:
    ended = run(*run_of(simulate().url, "--quiet", "--json"))
    assert (json.loads(ended.out)["saved"], ended.err) == (2, "")


def test_a_quiet_run_tells_of_what_is_wrong(run: Run, simulate: Simulate, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": "fox", "prompt": "a fox"}, {"id": "wrong", "prompt": ""}])
    ended = run(*run_of(simulate().url, "-q"))
    assert ended.code == 1
    assert "m.csv:3:" in ended.err
    assert "1 image saved, 1 invalid" in ended.out


def test_a_loud_run_says_each_decision_once_and_leaves_logging_as_it_was(run: Run, simulate: Simulate) -> None:
    simulator = simulate(faults=(Fault.parse("server_error@1"),))
    ended = run(*run_of(simulator.url, "-v", "--concurrency", "1"))
    assert ended.code == 0
    for line in (
        r"fox: sent as \S+",
        r"fox: server_error \(.*\); retry in [\d.]+ s",
        "hare: ok",
        r"run \S+ ended after",
    ):
        assert len(re.findall(rf"^\d\d:\d\d:\d\d {line}", ended.err, re.MULTILINE)) == (2 if "sent" in line else 1)
    assert logging.getLogger("batchgen").level == logging.NOTSET


def test_both_at_once_are_refused(run: Run) -> None:
    assert run("run", "m.csv", "-o", "out", "-q", "-v").code == 2
