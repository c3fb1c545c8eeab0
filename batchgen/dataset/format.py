"""The format of a dataset: a number in `.batchgen/format`, and in the metadata of every part of the index.

Format 1 had no number. What is older than this version knows is read and brought up to date; what is newer is refused.
"""

from __future__ import annotations

from batchgen.dataset.index.parts import FORMAT_VERSION, refuse_newer
from batchgen.dataset.layout import FORMAT, Layout


def take_over(layout: Layout) -> None:
    """Mark a dataset that is about to be written with today's format. Raises UnknownFormat for a newer one, OSError."""
    try:
        text = layout.store.read(FORMAT)
        version = int(text)
    except (FileNotFoundError, ValueError):
        version = 1
    refuse_newer(layout.store, version)
    if version < FORMAT_VERSION:
        layout.store.put(FORMAT, b"%d\n" % FORMAT_VERSION)
