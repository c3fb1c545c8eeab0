"""Checks a dataset against itself: every image of the index is there, with the bytes that were received.

Where a part of the index is damaged or gone, the images that the other parts and the dataset view tell of are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import chain, islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.errors import DamagedIndex
from batchgen.core.format import count
from batchgen.core.outcomes import Status
from batchgen.dataset.index.parts import iterate
from batchgen.dataset.index.parts_list import lost_records
from batchgen.dataset.layout import CARD, CROISSANT, IMAGES, INDEX, VIEW, Layout, is_system_file
from batchgen.dataset.read.salvage import only_in_view
from batchgen.dataset.read.snapshot import latest
from batchgen.store import StoredFile

# Hashing lets the other threads run; more of them only queue at the disk.
_HASHING_THREADS = 4
# Images in flight between reading the index and hashing, so that memory stays flat.
_WINDOW_IMAGES = 1024


class FileFault(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    EMPTY = "empty"
    CHANGED = "changed"
    UNTRACKED = "untracked"  # an image that the index does not know
    DAMAGED = "damaged"  # a part of the index that cannot be read


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One file that is not as it should be."""

    fault: FileFault
    path: str  # relative to the dataset
    row_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Expected:
    """An image as the index describes it."""

    file_name: str
    row_id: str
    size_bytes: int
    sha256: str


def verify(layout: Layout, checked: Callable[[int], object] = lambda count: None) -> Iterator[FileProblem]:
    """Yield what is wrong with the index and the images; `checked` is told how many images were checked since."""
    damaged = {layout.file(finding.path): finding for finding in damaged_parts(layout)}
    yield from damaged.values()
    # Listed before the index is read, so that an image saved meanwhile is not taken for untracked.
    on_disk = sorted(_image_files(layout))
    known = []
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        images = _saved_images(layout, damaged)
        while batch := list(islice(images, _WINDOW_IMAGES)):
            known.append(_hashes([image.file_name for image in batch]))
            yield from filter(None, pool.map(lambda image: _check(layout, image), batch))
            checked(len(batch))
    if damaged:
        return  # only they could tell which images are untracked
    known_hashes = np.unique(np.concatenate(known)) if known else np.empty(0, np.int64)
    untracked = ~np.isin(_hashes(on_disk), known_hashes)
    for position in np.flatnonzero(untracked):
        yield FileProblem(FileFault.UNTRACKED, on_disk[position], None, "the index does not know this image")


def missing_texts(layout: Layout) -> Iterator[FileProblem]:
    """Yield what a clean stop writes beside the images and is not there, or cannot be read."""
    for name in (VIEW, CARD, CROISSANT):
        if not layout.store.exists(name):
            yield FileProblem(FileFault.MISSING, name, None, "the file is gone, or the last run did not end cleanly")
        elif name == VIEW:
            yield from _damage(layout.file(name))


def lost_parts(layout: Layout) -> Iterator[FileProblem]:
    """Yield the parts of the index that are gone, or have lost records. Only sensible while no run is writing."""
    for lost in lost_records(layout):
        detail = f"a part of the index is gone, with {count(lost.listed, 'record')}"
        if lost.found is not None:
            detail = f"a part of the index has {count(lost.found, 'record')} and had {lost.listed:,}"
        yield FileProblem(FileFault.MISSING, lost.name, None, detail)


def missing_records(layout: Layout) -> Iterator[FileProblem]:
    """Yield what the dataset view shows and the index does not know. Only sensible while no run is writing."""
    alone = len(only_in_view(layout))
    if alone:
        detail = f"a part is gone: {alone:,} records of {VIEW} are in none"
        yield FileProblem(FileFault.MISSING, INDEX.removesuffix("/"), None, detail)


def damaged_parts(layout: Layout) -> Iterator[FileProblem]:
    """Yield the parts of the index that cannot be read."""
    for file in layout.parts().values():
        yield from _damage(file)


def _damage(file: StoredFile) -> Iterator[FileProblem]:
    try:
        for records in iterate(file):
            records.validate(full=True)
    except FileNotFoundError:
        return  # merged away meanwhile
    except (DamagedIndex, pa.ArrowException) as error:
        yield FileProblem(FileFault.DAMAGED, file.name, None, str(error))


def _saved_images(layout: Layout, damaged: Container[StoredFile]) -> Iterator[Expected]:
    columns = ["file_name", "row_id", "size_bytes", "sha256", "status"]
    # While a run is writing, the view is behind and parts come and go.
    alone = [] if layout.is_held() else [only_in_view(layout, damaged).select(columns)]
    for table in chain(latest(layout, columns, without=damaged), alone):
        saved = table.filter(pc.equal(table["status"], Status.OK)).drop_columns(["status"])
        for batch in saved.to_batches(_WINDOW_IMAGES):
            for row in batch.to_pylist():
                yield Expected(**row)


def _check(layout: Layout, image: Expected) -> FileProblem | None:
    try:
        data = layout.store.read(image.file_name)
    except FileNotFoundError:
        return FileProblem(FileFault.MISSING, image.file_name, image.row_id, "the file is gone")
    except OSError as error:
        return FileProblem(FileFault.MISSING, image.file_name, image.row_id, f"cannot be read: {error.strerror}")
    if not data:
        return FileProblem(FileFault.EMPTY, image.file_name, image.row_id, f"empty, was {image.size_bytes} bytes")
    if sha256(data).hexdigest() != image.sha256:
        detail = f"{len(data)} bytes, was {image.size_bytes}; the hash is not that of what was received"
        return FileProblem(FileFault.CHANGED, image.file_name, image.row_id, detail)
    return None


def _image_files(layout: Layout) -> Iterator[str]:
    return (entry.name for entry in layout.store.list(IMAGES) if not is_system_file(entry.name))


def _hashes(names: list[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.fromiter(map(hash, names), np.int64, len(names))
