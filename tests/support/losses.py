"""A dataset's life for the loss of power: two runs with answers of every kind, and what must hold after any moment."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, link, records_in, rejected, request, writing
from support.power import Acknowledged, Fate, Recorder, Step, crash

from batchgen.core.answer import Answer, Slot
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.dataset.repair.verify import FileFault, verify
from batchgen.store import disk

Records = list[dict[str, Any]]


def saved(asked: ImageRequest, images: int) -> Callable[[Records], None]:
    def holds(records: Records) -> None:
        statuses = [record["status"] for record in records if record["fingerprint"] == asked.fingerprint]
        assert statuses.count("ok") >= images, f"{asked.row_id} was acknowledged as saved, and is {statuses}"

    return holds


def in_doubt(asked: ImageRequest) -> Callable[[Records], None]:
    def holds(records: Records) -> None:
        listed = [record["in_doubt_ids"] for record in records if record["fingerprint"] == asked.fingerprint]
        assert listed == [["run.1"]], f"{asked.row_id} left, and nobody knows"

    return holds


def known(asked: ImageRequest) -> Callable[[Records], None]:
    def holds(records: Records) -> None:
        statuses = [record["status"] for record in records if record["fingerprint"] == asked.fingerprint]
        assert statuses, f"{asked.row_id} was acknowledged, and is forgotten"
        assert "in_doubt" not in statuses, f"{asked.row_id} was acknowledged, and is in doubt"

    return holds


async def two_runs(recorder: Recorder) -> None:
    """Answers of every kind, several segments sealed on the way, two clean stops and a merge."""
    with writing(recorder.root, run_id="first", reserve_bytes=4096) as writer:
        await writer.reject([rejected(50)])
        recorder.acknowledge(known(request(50)))
        for row in range(4):
            asked = request(row, num_images=2)
            await writer.sent(asked, attempts())
            await writer.save(asked, answer(image(2 * row), image(2 * row + 1)), attempts())
            recorder.acknowledge(saved(asked, 2))
        linked = request(10, num_images=2)
        await writer.received(linked, answer(link(1), link(2)), attempts())
        recorder.acknowledge(known(linked))
        fetched = Answer((Slot(image(20), None, link(1).url), Slot(link(2), None)), 200, 0.08, "inference")
        await writer.save(linked, fetched, attempts())
        recorder.acknowledge(saved(linked, 1))
    with writing(recorder.root, run_id="second") as writer:
        await writer.fail(request(11), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
        recorder.acknowledge(known(request(11)))
        await writer.fetched(writer.deferred()[0], image(21))
        recorder.acknowledge(saved(linked, 2))
        synced = recorder.count_wal_syncs()
        await writer.sent(request(12), attempts())
        while recorder.count_wal_syncs() == synced:
            await asyncio.sleep(0.001)  # nobody waits for it, but it comes
        recorder.acknowledge(in_doubt(request(12)))


def check(steps: Sequence[Step], root: Path, fate: Fate, folder: Path) -> None:
    """Lose the power after these steps, go on with the dataset, and see what became of it."""
    shutil.rmtree(folder, ignore_errors=True)
    crash(list(steps), root, fate, folder)
    # Going on is no part of the question: it need not wait for the disk.
    with (
        patch.object(disk, "sync", do_nothing),
        patch.object(disk, "sync_folder", do_nothing),
        writing(folder, run_id="after"),
    ):
        pass
    records = records_in(folder)
    for step in steps:
        if isinstance(step, Acknowledged):
            step.holds(records)
    # An image that reached the disk before its WAL record did is no harm: nobody was told of it.
    wrong = [finding for finding in verify(FolderLayout(folder)) if finding.fault is not FileFault.UNTRACKED]
    assert not wrong


def do_nothing(target: object) -> None:
    """Instead of an fsync."""
