"""The gallery: one page that shows a dataset, and the thumbnails that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from batchgen._api.disk import disk_errors
from batchgen._api.job import Job
from batchgen._api.progress import Advance, ignore
from batchgen.core.place import refuse_bucket
from batchgen.dataset.layout import GALLERY_PAGE, Layout
from batchgen.dataset.read.snapshot import open_layout
from batchgen.engine.protocols import Onlooker, nobody
from batchgen.gallery import (
    BackgroundThumbnails,
    Slots,
    Unreadable,
    check_place,
    made_thumbnails,
    make_thumbnails,
    missing_thumbnails,
    originals,
    read_slots,
    remove_thumbnails,
    write_page,
    write_standalone,
)

__all__ = ["Gallery", "Unreadable", "thumbnails_beside", "write_gallery"]


@dataclass(frozen=True, slots=True)
class Gallery:
    """A gallery that was written.

    Attributes:
        pages: gallery.html of the dataset, and the standalone page if one was asked for.
        unreadable: the images without a thumbnail, and why.
        thumbnails: how many images want a thumbnail.
        left: how many of those have none, since the time was over; the page shows the images themselves.
    """

    pages: tuple[Path, ...]
    unreadable: tuple[Unreadable, ...]
    thumbnails: int
    left: int


def write_gallery(
    out: str | PathLike[str],
    *,
    standalone: str | PathLike[str] | None = None,
    within_s: float | None = None,
    advance: Advance = ignore,
) -> Gallery:
    """Bring the thumbnails and gallery.html of a dataset up to date.

    Args:
        out: the dataset's folder.
        standalone: a file outside it, for one page with its thumbnails inside.
        within_s: how many seconds may be spent on thumbnails; None for all that they take.
        advance: called with how many more thumbnails were made, and how many there are to make.

    Raises:
        NotADataset: the folder holds no dataset.
        ExportError: `standalone` is something else than a page, or lies within the dataset.
        DatasetError: the dataset cannot be read, or the page not be written.
    """
    refuse_bucket(out, "a gallery is written beside a dataset in a folder")
    layout = open_layout(out)
    alone = Path(standalone) if standalone is not None else None
    with disk_errors(out):
        if alone is not None:
            check_place(Path(out), alone)  # before minutes of thumbnails
        made = made_thumbnails(layout)
        slots = read_slots(layout)
        unreadable, left = _make_missing(layout, slots, within_s, advance)
        write_page(layout, slots)
        pages = [Path(out) / GALLERY_PAGE]
        remove_thumbnails(layout, made, slots)
        if alone is not None:
            write_standalone(layout, slots, alone)
            pages.append(alone)
    return Gallery(tuple(pages), unreadable, len(originals(slots)), left)


@contextmanager
def thumbnails_beside(job: Job) -> Iterator[Onlooker]:
    """Yield an onlooker for a run of the job that makes thumbnails of what the run saves, while it waits."""
    if job.loaded.config.gallery and isinstance(job.out, Path):
        with BackgroundThumbnails(job.out) as thumbnails:
            yield thumbnails.saved
    else:
        yield nobody


def _make_missing(
    layout: Layout, slots: Slots, within_s: float | None, advance: Advance
) -> tuple[tuple[Unreadable, ...], int]:
    """Return which images cannot be shown, and how many thumbnails are still missing."""
    sources = missing_thumbnails(layout, slots)
    left, unreadable = len(sources), list[Unreadable]()
    for outcome in make_thumbnails(layout, sources, within_s=within_s):
        left -= 1
        advance(1, len(sources))
        if outcome is not None:
            unreadable.append(outcome)
    return tuple(unreadable), left
