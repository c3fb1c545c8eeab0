"""What the disk refused while a run went on, and takes at its end, is part of what the run says that it did."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchgen.dataset import disk
from batchgen.runner.stop import StopKind
from batchgen.values import Status

if TYPE_CHECKING:
    from tests.conftest import Batch


async def test_images_that_are_saved_at_the_end_are_counted_with_their_cost(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk refuses from the third image on, and takes everything once nothing is in flight any more."""
    works, written = disk.write_files, 0

    def refuse(files: Sequence[tuple[Path, bytes]], threads: Executor) -> None:
        nonlocal written
        written += len(files)
        if written > 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        works(files, threads)

    monkeypatch.setattr(disk, "write_files", refuse)
    ending = disk.remove

    def remove(path: Path) -> None:
        if path.name == "reserve":  # the run is closing
            monkeypatch.setattr(disk, "write_files", works)
        ending(path)

    monkeypatch.setattr(disk, "remove", remove)
    summary = await batch.run([{"id": f"row-{row}", "prompt": f"a fox no. {row}"} for row in range(40)])
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.DISK
    assert 2 < summary.progress.slots[Status.OK] == summary.progress.slots.total() < 40
    assert summary.progress.spent_usd == pytest.approx(float(batch.simulator.bill.charged_usd))
