"""A dataset in a folder, and the paths of its files, for tests that look at them, or harm them, as no reader does."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from batchgen.dataset import layout
from batchgen.dataset.layout import Layout, layout_at, part_name, segment_name


class FolderLayout(Layout):
    """What a reader knows of a dataset, and where it lies."""

    def __init__(self, root: str | PathLike[str]) -> None:
        super().__init__(layout_at(root).store)
        object.__setattr__(self, "root", Path(root))

    root: Path

    def path(self, name: str) -> Path:
        return self.root / name

    @property
    def images(self) -> Path:
        return self.path(layout.IMAGES)

    @property
    def index(self) -> Path:
        return self.path(layout.INDEX)

    @property
    def view(self) -> Path:
        return self.path(layout.VIEW)

    @property
    def card(self) -> Path:
        return self.path(layout.CARD)

    @property
    def croissant(self) -> Path:
        return self.path(layout.CROISSANT)

    @property
    def gallery_page(self) -> Path:
        return self.path(layout.GALLERY_PAGE)

    @property
    def gallery(self) -> Path:
        return self.path(layout.THUMBNAILS)

    @property
    def state(self) -> Path:
        return self.path(layout.STATE)

    @property
    def wal(self) -> Path:
        return self.path(layout.WAL)

    @property
    def lock(self) -> Path:
        return self.path(layout.LOCK)

    @property
    def reserve(self) -> Path:
        return self.path(layout.RESERVE)

    @property
    def events(self) -> Path:
        return self.path(layout.EVENTS)

    @property
    def work_list(self) -> Path:
        return self.path(layout.WORK_LIST)

    @property
    def damaged(self) -> Path:
        return self.path(layout.DAMAGED)

    @property
    def label_updates(self) -> Path:
        return self.path(layout.LABEL_UPDATES)

    @property
    def view_state(self) -> Path:
        return self.path(layout.VIEW_STATE)

    @property
    def config(self) -> Path:
        return self.path(layout.CONFIG)

    def part(self, number: int) -> Path:
        return self.path(part_name(number))

    def segment(self, number: int) -> Path:
        return self.path(segment_name(number))
