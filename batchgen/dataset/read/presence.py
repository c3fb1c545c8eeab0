"""Whether the images of a dataset are there, by name and size alone: a listing of folders, and no image is read.

It finds what happens to folders as people move them: images deleted, cut short, or pointers of git-lfs in their place.
Whether the bytes are those that were received, `batchgen verify` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.format import count
from batchgen.core.keys import NO_KEYS, Finder, Keys
from batchgen.core.outcomes import Status
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest

_COLUMNS = ["status", "file_name", "size_bytes", "row_id", "fingerprint"]
# Enough to see what happened.
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class AbsentImage:
    """An image of the index that is not there as it was saved. found_bytes: None if there is no file."""

    file_name: str
    row_id: str
    size_bytes: int
    found_bytes: int | None

    @property
    def detail(self) -> str:
        """What is wrong with it, in words."""
        if self.found_bytes is None:
            return "the file is gone"
        return f"{count(self.found_bytes, 'byte')}, was {self.size_bytes:,}"

    def __str__(self) -> str:
        return f"{self.file_name} ({self.row_id}): {self.detail}"


@dataclass(frozen=True, slots=True)
class AbsentImages:
    """How many images are not there as they were saved, and the first of them."""

    images: int = 0
    first: tuple[AbsentImage, ...] = ()


def count_absent(layout: Layout, gone: Keys, stopped: Callable[[], bool]) -> AbsentImages:
    """Count the saved images that are not there, but for those of requests that nobody asks for any more.

    gone: sorted keys of these. stopped: whether to end early, with what was found so far. Raises DamagedIndex.
    """
    images = 0
    first: list[AbsentImage] = []
    for absent in absent_images(layout, gone, stopped):
        images += 1
        if len(first) < _EXAMPLES:
            first.append(absent)
    return AbsentImages(images, tuple(first))


def absent_images(
    layout: Layout, gone: Keys = NO_KEYS, stopped: Callable[[], bool] = lambda: False
) -> Iterator[AbsentImage]:
    """Yield the saved images that are not there as they were saved. Raises DamagedIndex."""
    finder = Finder(gone)
    for table in latest(layout, _COLUMNS):
        wanted = pc.equal(table["status"], Status.OK)
        if len(gone):
            wanted = pc.and_(wanted, pa.array(~finder.contains(fingerprint_keys(table["fingerprint"]))))
        saved = table.filter(wanted).select(["file_name", "size_bytes", "row_id"]).sort_by("file_name")
        for folder, rows in _by_folder(saved):
            if stopped():
                return
            there = {entry.name: entry.size_bytes for entry in layout.store.list(folder)}
            names, sizes = rows["file_name"].to_pylist(), rows["size_bytes"].to_pylist()
            for place, (name, size_bytes) in enumerate(zip(names, sizes, strict=True)):
                found = there.get(name)
                if found != size_bytes:
                    yield AbsentImage(name, rows["row_id"][place].as_py(), size_bytes, found)


def _by_folder(saved: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a table that is sorted by file name, folder by folder."""
    folders = pc.replace_substring_regex(saved["file_name"], r"[^/]*$", "").combine_chunks()
    if not len(folders):
        return
    runs = pc.run_end_encode(folders)
    start = 0
    for folder, end in zip(runs.values.to_pylist(), np.asarray(runs.run_ends), strict=True):
        yield folder, saved.slice(start, end - start)
        start = int(end)
