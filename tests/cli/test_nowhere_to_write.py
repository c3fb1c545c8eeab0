"""Where nothing can be written, to a full disk or a closed stream: words and an exit code, and no run stops for it."""

from __future__ import annotations

import errno
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchgen.core.exit_codes import ExitCode
from batchgen.store.appendable import AppendableFile

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate, WriteManifest


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([{"id": "a", "prompt": "a fox"}, {"id": "b", "prompt": "a hare"}])


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "missing.csv"),
        ("check", "m.csv", "--format", "json"),
        ("plan", "m.csv", "-o", "out"),
        ("run", "m.csv", "-o", "out", "--simulate", "--rpm", "60000"),
        ("run", "--show-config"),
        ("status", "made"),
        ("status", "made", "--json"),
        ("verify", "made"),
        ("gallery", "made"),
        ("export", "captions", "made", "shape"),
    ],
    ids=" ".join,
)
def test_a_result_that_cannot_be_written_is_exit_code_4_and_words(run: Run, arguments: tuple[str, ...]) -> None:
    run("run", "m.csv", "-o", "made", "--simulate", "--rpm", "60000")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "batchgen", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == ExitCode.STOPPED, ended.stderr
    assert "No space left on device" in ended.stderr
    assert "cannot write made" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.parametrize("nowhere", ["2>/dev/full", "2>&-"])
def test_a_log_that_cannot_be_written_stops_no_run(run: Run, simulate: Simulate, nowhere: str) -> None:
    command = shlex.join(
        [sys.executable, "-m", "batchgen", "run", "m.csv", "-o", "out", "--base-url", simulate().url, "--rpm", "60000"]
    )
    ended = subprocess.run(["sh", "-c", f"{command} {nowhere}"], stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == ExitCode.OK
    assert "2 images saved" in ended.stdout
    assert "to send" not in ended.stdout
    assert run("verify", "out").code == ExitCode.OK


def test_events_that_the_disk_does_not_take_are_told_once_and_counted(
    run: Run, simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = AppendableFile.append

    def refuse(file: AppendableFile, data: bytes) -> None:
        if file.path.name == "events.jsonl":
            raise OSError(errno.ENOSPC, "No space left on device")
        append(file, data)

    monkeypatch.setattr(AppendableFile, "append", refuse)
    ended = run("run", "m.csv", "-o", "out", "--base-url", simulate().url, "--rpm", "60000", "--json")
    assert ended.code == ExitCode.OK
    assert ended.err.count("events.jsonl misses what happens now") == 1
    summary = json.loads(ended.out)
    assert summary["saved"] == 2
    assert summary["events_lost"] >= 8
