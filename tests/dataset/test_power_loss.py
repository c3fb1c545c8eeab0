"""Whatever was acknowledged survives a loss of power at any step, and each fsync that this rests on is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.losses import check, two_runs
from support.power import (
    Acknowledged,
    BytesOnly,
    Chance,
    Dropped,
    Fate,
    Kept,
    NamesOnly,
    Recorder,
    Step,
    Sync,
    SyncFolder,
)

from batchgen.core.errors import DatasetError
from batchgen.dataset.wal import active_segment


@pytest.fixture
async def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(active_segment, "_RECORDS_PER_SEGMENT", 4)
    made = Recorder(tmp_path / "real")
    with made.recording(monkeypatch):
        await two_runs(made)
    return made


def test_what_was_acknowledged_survives_a_loss_of_power(recorder: Recorder, tmp_path: Path) -> None:
    steps = recorder.steps
    assert sum(isinstance(step, Acknowledged) for step in steps) == 10
    for last in range(0, len(steps) + 1, 3):
        # Each moment meets one fate; the long version lets every moment meet all of them.
        fate = (Dropped(), Kept(), NamesOnly(), BytesOnly(), Chance(str(last)))[last % 5]
        check(steps[:last], recorder.root, fate, tmp_path / "lost")


def is_image(step: Step) -> bool:
    return isinstance(step, Sync) and step.path.suffix == ".png"


def is_images_folder(step: Step) -> bool:
    return isinstance(step, SyncFolder) and step.path.parent.name == "images"


def is_name_of_the_dataset(step: Step) -> bool:
    return isinstance(step, SyncFolder) and step.path.name not in ("images", "index", "ledger", "00000")


def is_name_of_images_folder(step: Step) -> bool:
    return isinstance(step, SyncFolder) and step.path.name == "images"


def is_wal(step: Step) -> bool:
    return isinstance(step, Sync) and step.path.parent.name == "ledger"


def is_wal_folder(step: Step) -> bool:
    return isinstance(step, SyncFolder) and step.path.name == "ledger"


def is_part(step: Step) -> bool:
    return isinstance(step, Sync) and step.path.name.startswith("part-")


def is_index_folder(step: Step) -> bool:
    return isinstance(step, SyncFolder) and step.path.name == "index"


@pytest.mark.parametrize(
    "is_left_out",
    [
        is_image,
        is_images_folder,
        is_name_of_images_folder,
        is_name_of_the_dataset,
        is_wal,
        is_wal_folder,
        is_part,
        is_index_folder,
    ],
    ids=lambda function: function.__name__.removeprefix("is_"),
)
def test_without_this_fsync_the_promise_does_not_hold(
    recorder: Recorder, tmp_path: Path, is_left_out: Callable[[Step], bool]
) -> None:
    steps = [step for step in recorder.steps if not is_left_out(step)]
    assert len(steps) < len(recorder.steps)
    moments = [position for position, step in enumerate(steps, start=1) if isinstance(step, Acknowledged)]
    crashes = [(last, fate) for last in [*moments, len(steps)] for fate in (Dropped(), NamesOnly())]
    assert any(breaks(steps[:last], recorder.root, fate, tmp_path / "lost") for last, fate in crashes)


def breaks(steps: Sequence[Step], root: Path, fate: Fate, folder: Path) -> bool:
    """Whether something acknowledged is lost, or the dataset cannot even be opened."""
    try:
        check(steps, root, fate, folder)
    except (AssertionError, DatasetError):
        return True
    return False
