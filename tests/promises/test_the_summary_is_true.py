"""What a run says that it did and spent is what the index and the bill say, also where it stopped in the middle."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.batches import Watcher, read_index, run_batch, write_manifest

from batchgen.core.outcomes import Status
from batchgen.dataset.layout import IMAGES
from batchgen.engine.display import Live
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.simulator import Fault, FaultKind
from batchgen.store import LocalStore, disk
from batchgen.store.base import Buffer

if TYPE_CHECKING:
    from conftest import Batch, Simulate


async def test_images_that_are_saved_at_the_end_are_counted_with_their_cost(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk refuses from the third image on, and takes everything once nothing is in flight any more."""
    works, written = LocalStore.put_many, 0

    def refuse(store: LocalStore, blobs: Sequence[tuple[str, Buffer]]) -> None:
        nonlocal written
        written += sum(name.startswith(IMAGES) and name.endswith(".png") for name, _ in blobs)
        if written > 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        works(store, blobs)

    monkeypatch.setattr(LocalStore, "put_many", refuse)
    ending = disk.remove

    def remove(path: Path) -> None:
        if path.name == "reserve" and written > 2:  # the run is closing
            monkeypatch.setattr(LocalStore, "put_many", works)
        ending(path)

    monkeypatch.setattr(disk, "remove", remove)
    summary = await batch.run([{"id": f"row-{row}", "prompt": f"a fox no. {row}"} for row in range(40)])
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.DISK
    assert 2 < summary.progress.slots[Status.OK] == summary.progress.slots.total() < 40
    assert summary.progress.spent_usd == pytest.approx(float(batch.simulator.bill.charged_usd))


class StopAfter(Watcher):
    """Stops a run once so many attempts have failed."""

    def __init__(self, attempts: int, stop: StopSignal) -> None:
        super().__init__()
        self._attempts = attempts
        self._stop = stop

    def refresh(self, live: Live) -> None:
        if live.progress.attempts >= self._attempts and not live.progress.in_flight:
            self._stop.set(StopKind.INTERRUPTED, "stopped")


@pytest.mark.parametrize("waits_for", ["its retry", "a permit"])
async def test_a_request_that_a_stop_leaves_open_is_counted_with_what_it_cost(
    simulate: Simulate, tmp_path: Path, waits_for: str
) -> None:
    """Three answers are paid for and hold no image that can be read; their next attempts are never sent."""
    simulator = simulate(faults=(Fault(FaultKind.BROKEN_BASE64, probability=1),))
    stop = StopSignal()
    waiting: dict[str, Any] = {"retry__backoff_base_s": 60.0, "retry__backoff_max_s": 60.0}
    if waits_for == "a permit":
        waiting = {"limits__requests_per_minute": 3, "limits__adaptive": False}
    summary = await run_batch(
        write_manifest(tmp_path / "rows.csv", ["a fox", "a hare", "an owl"]),
        tmp_path / "out",
        simulator.url,
        watcher=StopAfter(3 if waits_for == "its retry" else 1, stop),
        stop=stop,
        **waiting,
    )
    charged = float(simulator.bill.charged_usd)
    assert charged > 0
    assert summary.progress.spent_usd == pytest.approx(charged)
    assert sum(record["cost_usd"] or 0.0 for record in read_index(tmp_path / "out")) == pytest.approx(charged)


async def test_images_that_only_the_write_ahead_log_took_are_counted_with_their_cost(
    batch: Batch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = batch.out / IMAGES / "00000"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(elsewhere)
    rows = [{"id": f"row-{row}", "prompt": f"a fox no. {row}"} for row in range(8)]
    stopped = await batch.run(rows)
    assert stopped.stop is not None
    assert stopped.stop.kind is StopKind.DISK
    assert batch.simulator.bill.charges
    assert stopped.progress.spent_usd == pytest.approx(float(batch.simulator.bill.charged_usd))

    folder.unlink()
    done = await batch.run(rows)
    assert done.stop is None
    paid_usd = stopped.progress.spent_usd + done.progress.spent_usd
    assert paid_usd == pytest.approx(float(batch.simulator.bill.charged_usd)) == pytest.approx(8 * 0.04)
