"""The command line in two ways: as a process with streams and signals of its own, and, quicker, within this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batchgen.cli.main import main

KEY = "sk-test-4f0c9a"

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "Ended"]


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, a key, and nothing of what the developer's shell has set for batchgen."""
    for name in [name for name in os.environ if name.startswith(("AIML", "BATCHGEN"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `batchgen ...` as a process, and make sure that it ends with the test."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "batchgen", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `batchgen ...` within this process. An exception that a user would see as a traceback fails the test."""

    def complete(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as leave:  # argparse's way to refuse, and to help
            code = leave.code if isinstance(leave.code, int) else 1
        captured = capsys.readouterr()
        return Ended(int(code), captured.out, captured.err)

    return complete
