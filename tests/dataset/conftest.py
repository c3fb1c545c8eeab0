"""Where a test's dataset lies, and what a crash would leave of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def crashed(out: Path, tmp_path: Path) -> Callable[[], Path]:
    """Takes the dataset as a kill at this moment would leave it, to another folder."""
    numbers = count()

    def take() -> Path:
        return Path(shutil.copytree(out, tmp_path / f"crashed-{next(numbers)}"))

    return take
