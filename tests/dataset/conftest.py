"""Where a test's dataset lies, and what a crash would leave of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from support.frozen import FrozenDisk

from batchgen.store import lock


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def crashed(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Takes the dataset as a kill at this moment would leave it, to another folder."""
    disk, numbers = FrozenDisk(monkeypatch), count()

    def take() -> Path:
        return disk.copy(out, tmp_path / f"crashed-{next(numbers)}")

    return take


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of a dataset that a process still writes are taken over without watching them: nobody writes these."""
    monkeypatch.setattr(lock, "WATCH_S", 0.0)
    monkeypatch.setattr(lock, "_SETTLE_S", 0.0)
