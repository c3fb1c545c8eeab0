"""Whether a disk has room for what a run is about to make: an estimate, told before anything is bought."""

from __future__ import annotations

import pyarrow.compute as pc

from batchgen.core.space import Space
from batchgen.dataset.index.parts import open_part, read_part
from batchgen.dataset.layout import Layout

# An image of a million pixels as PNG; used until the dataset itself shows how large its images are.
_IMAGE_BYTES = 2_000_000


def measure_space(layout: Layout) -> Space | None:
    """Return the room there is, with the average size of the newest images; None where there is no limit.

    Raises DamagedIndex, OSError.
    """
    free_bytes = layout.store.free_bytes()
    return None if free_bytes is None else Space(free_bytes, _average_bytes(layout))


def _average_bytes(layout: Layout) -> int:
    files = layout.parts()
    if not files:
        return _IMAGE_BYTES
    newest = [*files.values()][-1]
    with open_part(newest) as part:
        average = pc.mean(read_part(newest, part, ["size_bytes"])["size_bytes"]).as_py()
    return _IMAGE_BYTES if average is None else int(average)
