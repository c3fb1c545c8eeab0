"""Runs a client as a process of its own, and says what it took: wall time, processor time, peak memory.

This process stays small (standard library only): what a child's memory peaks at counts from its parent's.
"""

from __future__ import annotations

import atexit
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO

ROOT = Path(__file__).parent.parent
# The simulator and the prepared server take any key.
_KEY = {"AIMLAPI_API_KEY": "benchmark-key"}


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took. processor_s: user and system. peak_mb: its resident memory at the highest."""

    wall_s: float
    processor_s: float
    peak_mb: float


def run(
    *command: object,
    expect: Sequence[int] = (0,),
    environment: Mapping[str, str] | None = None,
    checkout: Path = ROOT,
) -> Usage:
    """Run what `start` starts to its end and measure it; what it says is shown if it fails."""
    with tempfile.TemporaryFile("w+") as words:
        started = perf_counter()
        child = start(*command, output=words, environment=environment, checkout=checkout)
        usage, code = wait(child, started)
        if code not in expect:
            words.seek(0)
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {code}:\n{words.read()[-4000:]}")
    return usage


def start(
    *command: object,
    output: IO[str] | int = subprocess.PIPE,
    environment: Mapping[str, str] | None = None,
    checkout: Path = ROOT,
) -> subprocess.Popen[str]:
    """Start `batchgen ...`, `python -c ...` or `python -m ...` from a checkout, with its own virtual environment."""
    program, *words = map(str, command)
    python = Path(sys.executable) if checkout == ROOT else checkout / ".venv" / "bin" / "python"
    start_of = {"batchgen": [str(python.with_name("batchgen"))], "-c": [str(python), "-c"]}
    return subprocess.Popen(
        [*start_of.get(program, [str(python), "-m", program]), *words],
        cwd=checkout,
        env={**os.environ, **_KEY, **(environment or {})},
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait(child: subprocess.Popen[str], started: float) -> tuple[Usage, int]:
    """Wait for a process; return what it took, and its exit code."""
    _, status, used = os.wait4(child.pid, 0)
    wall_s = perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    return Usage(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024), child.returncode


def median_of(runs: Sequence[Usage]) -> Usage:
    """The median of each figure by itself."""
    return Usage(
        statistics.median(one.wall_s for one in runs),
        statistics.median(one.processor_s for one in runs),
        statistics.median(one.peak_mb for one in runs),
    )


def in_turns(rounds: int, contestants: Mapping[str, Callable[[], Usage]]) -> dict[str, Usage]:
    """Run the contestants in turns, so that a noisy minute hits all of them; return the medians."""
    runs: dict[str, list[Usage]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contest in contestants.items():
            os.sync()  # what the one before left to be written is none of the next one's business
            runs[name].append(contest())
    return {name: median_of(one) for name, one in runs.items()}


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder on a real disk: TMPDIR must not be kept in memory, or fsync costs nothing.

    It goes when this process ends: ext4 is slow to make files for a minute after thousands were removed, and
    that would be charged to the one that is measured next.
    """
    folder = Path(tempfile.mkdtemp(prefix="batchgen-bench-"))
    atexit.register(shutil.rmtree, folder)
    yield folder
