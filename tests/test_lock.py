"""The lock pins what the project needs, and its check says when it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text()


def check(lock: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "lock.py"), "--check", str(lock)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_lock_pins_all_that_is_needed() -> None:
    assert check(ROOT / "requirements.lock").stderr == ""


@pytest.mark.parametrize(
    ("name", "pin", "said"),
    [
        ("pyarrow", "", "has no version of it"),  # required by the project
        ("multidict", "", "has no version of it"),  # required by what the project requires
        ("ruff", "", "has no version of it"),  # required by an extra, installed or not
        ("numpy", "numpy==1.0", "has 1.0"),
        ("aiohttp", "aiohttp", "has no version of it"),
    ],
)
def test_a_lock_without_a_pin_is_refused_and_the_requirement_named(
    tmp_path: Path, name: str, pin: str, said: str
) -> None:
    lock = tmp_path / "requirements.lock"
    lines = (pin if line.startswith(f"{name}==") else line for line in LOCK.splitlines())
    lock.write_text("\n".join(lines))
    done = check(lock)
    assert done.returncode == 1
    named = [line for line in done.stderr.splitlines() if said in line]
    assert named
    assert all(line.startswith(name) for line in named)
