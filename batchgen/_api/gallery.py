"""The gallery: one page that shows a dataset, and the thumbnails that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from batchgen._api.disk import disk_errors
from batchgen._api.progress import Advance, ignore
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import open_layout
from batchgen.gallery import (
    Slots,
    Unreadable,
    check_place,
    made_thumbnails,
    make_thumbnails,
    missing_thumbnails,
    read_slots,
    remove_thumbnails,
    write_page,
    write_standalone,
)

__all__ = ["Gallery", "Unreadable", "write_gallery"]


@dataclass(frozen=True, slots=True)
class Gallery:
    """A gallery that was written.

    Attributes:
        pages: gallery.html of the dataset, and the standalone page if one was asked for.
        unreadable: the images without a thumbnail, and why.
    """

    pages: tuple[Path, ...]
    unreadable: tuple[Unreadable, ...]


def write_gallery(
    out: str | PathLike[str], *, standalone: str | PathLike[str] | None = None, advance: Advance = ignore
) -> Gallery:
    """Bring the thumbnails and gallery.html of a dataset up to date.

    Args:
        out: the dataset's folder.
        standalone: a file outside it, for one page with its thumbnails inside.
        advance: called with how many more thumbnails were made, and how many there are to make.

    Raises:
        NotADataset: the folder holds no dataset.
        ExportError: `standalone` is something else than a page, or lies within the dataset.
        DatasetError: the dataset cannot be read, or the page not be written.
    """
    layout = open_layout(Path(out))
    alone = Path(standalone) if standalone is not None else None
    with disk_errors(out):
        if alone is not None:
            check_place(layout, alone)  # before minutes of thumbnails
        slots, unreadable = _update(layout, advance)
        pages = [layout.gallery_page, *([write_standalone(layout, slots, alone)] if alone is not None else [])]
    return Gallery(tuple(pages), unreadable)


def _update(layout: Layout, advance: Advance) -> tuple[Slots, tuple[Unreadable, ...]]:
    made = made_thumbnails(layout)
    slots = read_slots(layout)
    sources = missing_thumbnails(layout, slots)
    unreadable: list[Unreadable] = []
    for outcome in make_thumbnails(layout, sources):
        advance(1, len(sources))
        if outcome is not None:
            unreadable.append(outcome)
    write_page(layout, slots)
    remove_thumbnails(layout, made, slots)
    return slots, tuple(unreadable)
