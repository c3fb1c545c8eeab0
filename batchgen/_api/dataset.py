"""A dataset to read: its index, its images, its summary, and the run that is writing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from os import PathLike

from batchgen.core.place import refuse_bucket
from batchgen.core.remedy import Remedy
from batchgen.dataset.events.follow import Follower, Following
from batchgen.dataset.events.log import last_ended, last_planned
from batchgen.dataset.guard import refuse_foreign_files
from batchgen.dataset.layout import EVENTS, GALLERY_PAGE, VIEW, layout_at
from batchgen.dataset.read.dataset import Dataset
from batchgen.dataset.read.missing import MissingSlot
from batchgen.dataset.read.summary import DatasetSummary, RunTotals

__all__ = [
    "Dataset",
    "DatasetSummary",
    "Following",
    "MissingSlot",
    "Remedy",
    "RunTotals",
    "RunWatch",
    "ViewOrigin",
    "has_gallery",
    "not_asked_images",
    "open_dataset",
    "view_origin",
]


def open_dataset(out: str | PathLike[str]) -> Dataset:
    """Open a dataset for reading, also while a run is writing it. Raises NotADataset."""
    return Dataset(out)


def has_gallery(out: str | PathLike[str]) -> bool:
    """Whether a dataset has a gallery page."""
    return layout_at(out).store.is_taken(GALLERY_PAGE)


@dataclass(frozen=True, slots=True)
class ViewOrigin:
    """Which run's end metadata.parquet shows.

    Attributes:
        run_id: the newest run that came to its end; None if no event tells.
        at: when that was.
        is_behind: whether another is writing the dataset, or was cut off: what it made is not in the view.
    """

    run_id: str | None
    at: datetime | None
    is_behind: bool


def view_origin(out: str | PathLike[str]) -> ViewOrigin | None:
    """Return which run the view of a dataset is from; None if there is no view."""
    layout = layout_at(out)
    if not layout.store.exists(VIEW):
        return None
    ended = last_ended(layout.file(EVENTS))
    is_behind = bool(layout.segments())
    return ViewOrigin(None, None, is_behind) if ended is None else ViewOrigin(ended.run, ended.at, is_behind)


def not_asked_images(out: str | PathLike[str], summary: DatasetSummary) -> int:
    """Return how many images the newest run was to ask for and has not, or not yet; 0 if nobody knows."""
    planned = last_planned(layout_at(out).file(EVENTS))
    if planned is None:
        return 0
    newest = summary.runs.get(planned.run)
    return max(0, planned.images - summary.in_flight - (newest.slots if newest else 0))


class RunWatch:
    """Watches the newest run of a dataset through its files alone, from any machine that sees them.

    The folder need not exist yet.

    Raises:
        NotADataset: it is a file, or holds files of others.
    """

    def __init__(self, out: str | PathLike[str]) -> None:
        refuse_bucket(out, "--watch follows a run in a folder; `batchgen status` tells what is there")
        self._layout = layout_at(out)
        self._follower = Follower(self._layout.file(EVENTS))
        if not self._layout.is_dataset():
            refuse_foreign_files(self._layout)

    def poll(self) -> tuple[Following, bool]:
        """Return the run as its events tell it by now (without an id none has begun), and whether it is running."""
        running = self._layout.is_held()  # first: what a run writes at its end is then read as well
        return self._follower.poll(), running
