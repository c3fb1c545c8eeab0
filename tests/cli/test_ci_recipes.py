"""The recipes of docs/ci.md are run as they stand there, as far as their tools are installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Simulate

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/ci.md").read_text()
CONFIG = """\
gallery = false
[limits]
requests_per_minute = 6000
[[files]]
name = "{id}.{format}"
"""
MANIFEST = Path("assets/icons.csv")


def recipe(language: str, title: str) -> str:
    """The block of a language below a title."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def action_step(number: int) -> str:
    """The script of a step of action.yml."""
    return dedent((ROOT / "action.yml").read_text().split("      run: |\n")[number].partition("\n    - ")[0])


@pytest.fixture(autouse=True)
def assets(tmp_path: Path, simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository as the page has it, and batchgen on the path."""
    MANIFEST.parent.mkdir()
    MANIFEST.write_text("id,prompt\nsword,a sword\nlamp,a lamp\n")
    Path("assets/batchgen.toml").write_text(CONFIG)
    tools = tmp_path / "tools"
    tools.mkdir()
    program = tools / "batchgen"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m batchgen "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BATCHGEN_BASE_URL", simulate().url)


def shell(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def touch() -> None:
    """The manifest is newer than all that was built of it, however coarse the clock of the disk."""
    newest = max(path.stat().st_mtime_ns for path in Path("build").rglob("*"))
    later = max(newest, time.time_ns()) + 1_000_000
    os.utime(MANIFEST, ns=(later, later))


@pytest.mark.parametrize(
    ("tool", "title", "file", "target"),
    [("make", "Make", "Makefile", "build/paths.txt"), ("ninja", "Ninja", "build.ninja", "build/paths.txt")],
)
def test_a_build_rebuilds_nothing_when_nothing_changed(tool: str, title: str, file: str, target: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    Path(file).write_text(recipe(tool, title))
    assert "> build/paths.txt" in shell(tool, target)
    assert Path(target).read_text() == "sword.png\nlamp.png\n"
    assert "batchgen" not in shell(tool, target)
    touch()
    looked = shell(tool, target)
    assert "batchgen run" in looked
    assert "> build/paths.txt" not in looked
    with MANIFEST.open("a") as manifest:
        manifest.write("bow,a bow\n")
    touch()
    assert "> build/paths.txt" in shell(tool, target)
    assert Path(target).read_text() == "sword.png\nlamp.png\nbow.png\n"


def test_the_action_runs_one_command_of_arguments_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "batchgen/bin").mkdir(parents=True)
    shutil.copy(tmp_path / "tools/batchgen", tmp_path / "batchgen/bin/batchgen")
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    arguments = "check\nassets/icons.csv\n--config=assets/batchgen.toml\n--format=json\n"
    monkeypatch.setenv("ARGUMENTS", arguments)
    step = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")  # as GitHub starts it
    assert json.loads(shell(*step, action_step(2)))["errors"] == 0
    assert shell(*step, action_step(1)) == ""  # it is installed already
    monkeypatch.setenv("ARGUMENTS", "check\n$(touch evil).csv; touch evil\n--format=json")
    subprocess.run([*step, action_step(2)], capture_output=True, check=False)
    assert not Path("evil").exists()


def test_a_cancelled_job_leaves_nothing_in_doubt(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = simulate(latency_s=(0.5, 1.0))
    monkeypatch.setenv("BATCHGEN_BASE_URL", simulator.url)
    MANIFEST.write_text("id,prompt\n" + "".join(f"r{number},fox {number}\n" for number in range(500)))
    script = "exec batchgen run assets/icons.csv -o assets/out -c assets/batchgen.toml --no-preflight"
    job = subprocess.Popen(["bash", "-e", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        while len(simulator.bill.charges) < 5:
            assert job.poll() is None
            time.sleep(0.01)
        # As GitHub ends a job.
        for number, patience_s in ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, None)):
            job.send_signal(number)
            try:
                job.communicate(timeout=patience_s)
                break
            except subprocess.TimeoutExpired:
                continue
    finally:
        job.kill()
        job.communicate()
    status = json.loads(shell("batchgen", "status", "assets/out", "--json"))
    assert status["slots"]["in_doubt"] == 0
    assert status["slots"]["ok"] == len(simulator.bill.charges) < 500
