"""A loss of power at every step on the disk, with every fate of what was not synced, and many by chance.

Not collected by default: `pytest tests/torture/torture_*.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.losses import check, two_runs
from support.power import BytesOnly, Chance, Dropped, Kept, NamesOnly, Recorder

from batchgen.dataset.wal import active_segment
from batchgen.store import lock

_CHANCES = 6


@pytest.mark.timeout(1200)
async def test_what_was_acknowledged_survives_every_loss_of_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_segment, "_RECORDS_PER_SEGMENT", 4)
    for name in ("WATCH_S", "_SETTLE_S"):  # nobody else writes what is left
        monkeypatch.setattr(lock, name, 0.0)
    recorder = Recorder(tmp_path / "real")
    with recorder.recording(monkeypatch):
        await two_runs(recorder)
    crashes = 0
    for last in range(len(recorder.steps) + 1):
        fates = [Dropped(), Kept(), NamesOnly(), BytesOnly()]
        for fate in (*fates, *(Chance(f"{last}, {number}") for number in range(_CHANCES))):
            check(recorder.steps[:last], recorder.root, fate, tmp_path / "lost")
            crashes += 1
    print(f"\n{crashes} losses of power at {len(recorder.steps)} steps")
