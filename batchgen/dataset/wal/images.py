"""The image files: one that is there is never written over, unless by the same bytes."""

from __future__ import annotations

from collections.abc import Sequence

from batchgen.dataset.layout import Layout


class ImageFiles:
    """Writes images into a dataset."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def free_name(self, name: str, data: bytes) -> str:
        """Return `name`, or the next like it under which no other image is kept. Raises OSError."""
        store = self._layout.store
        stem, dot, extension = name.rpartition(".")
        candidate, count = name, 1
        while store.exists(candidate) and store.read(candidate) != data:
            count += 1
            candidate = f"{stem}-{count}{dot}{extension}"
        return candidate

    def write(self, images: Sequence[tuple[str, bytes]]) -> None:
        """Write images under their names, all of them durable when this returns. Raises OSError."""
        self._layout.store.put_many(images)
