"""`status --watch` follows the newest run of a folder, whichever of the two was started first."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from cli.conftest import Run, Start
    from conftest import Simulate, WriteManifest


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([{"id": "fox", "prompt": "a fox"}])


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_watch_that_was_there_first_waits_for_the_run_and_shows_its_end(
    start: Start, run: Run, simulate: Simulate, tmp_path: Path, is_there: bool
) -> None:
    if is_there:
        (tmp_path / "out").mkdir()
    watching = start("status", "out", "--watch")
    assert line_of(watching) == "Waiting for a run in out.\n"
    assert run("run", "m.csv", "-o", "out", "--base-url", simulate().url).code == 0
    out, err = watching.communicate()
    assert (watching.returncode, err) == (0, "")
    assert "has ended · m.csv" in out.splitlines()[-1]
    assert "1 ok" in out.splitlines()[-1]
    assert "Waiting" not in out, "said once"


def test_ctrl_c_ends_the_waiting_and_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    watching = start("status", "out", "--watch")
    line_of(watching)
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate()
    assert (watching.returncode, out, err) == (130, "", "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("out", "words"), [("m.csv", "m.csv is a file"), (".", "holds: README.md")])
def test_where_no_run_can_begin_nobody_waits(run: Run, tmp_path: Path, out: str, words: str) -> None:
    (tmp_path / "README.md").write_text("mine")
    ended = run("status", out, "--watch")
    assert ended.code == 2
    assert words in ended.err


def test_a_run_that_has_ended_is_shown_as_ended(run: Run, simulate: Simulate) -> None:
    run("run", "m.csv", "-o", "out", "--base-url", simulate().url)
    ended = run("status", "out", "--watch")
    assert ended.code == 0
    assert "has ended · m.csv" in ended.out
