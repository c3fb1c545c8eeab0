"""Where two things go wrong at once, the user is told of one in words, and of none with a traceback."""

from __future__ import annotations

import asyncio
import errno
import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

from batchgen.core.errors import DiskError
from batchgen.dataset.writer import DatasetWriter
from batchgen.engine import run
from batchgen.engine.stop import StopKind

if TYPE_CHECKING:
    from conftest import Batch


async def test_a_look_for_earlier_images_that_fails_beside_the_disk_is_no_traceback(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def look(*_: Any) -> None:
        failed.set()
        raise OSError(errno.EMFILE, "Too many open files")

    def rehearse(*_: Any) -> None:
        assert failed.wait(60)
        raise DiskError("Too many open files")

    monkeypatch.setattr(run, "count_absent", look)
    monkeypatch.setattr(DatasetWriter, "rehearse", rehearse)
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    summary = await batch.run([{"id": "a", "prompt": "a fox"}])
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.DISK
    gc.collect()
    assert unheard == []
