"""The programs that torture starts stand alone: what its tests can import, they cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TORTURE = Path(__file__).parent / "torture"


@pytest.mark.parametrize(
    ("program", "arguments"),
    [("reader.py", ["none"]), ("driver.py", ["0", "after", "--version"])],
    ids=["reader", "driver"],
)
def test_a_program_of_torture_runs_by_itself(tmp_path: Path, program: str, arguments: list[str]) -> None:
    command = [sys.executable, str(TORTURE / program), *arguments]
    ended = subprocess.run(command, cwd=tmp_path, input="", capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
