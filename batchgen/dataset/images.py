"""The image files: each written under a temporary name, fsynced, renamed, and its name fsynced.

A file that is there is never written over, unless by the same bytes.
"""

from __future__ import annotations

import threading
from pathlib import Path

from batchgen.dataset import disk
from batchgen.dataset.layout import Layout


class ImageFiles:
    """Writes images into a dataset. Safe to use from several threads, for different names."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._guard = threading.Lock()
        self._made: set[Path] = set()

    def free_name(self, name: str, data: bytes) -> str:
        """Return `name`, or the next like it under which no other image stands. Raises OSError."""
        first = candidate = self._layout.root / name
        count = 1
        while candidate.exists() and candidate.read_bytes() != data:
            count += 1
            candidate = first.with_stem(f"{first.stem}-{count}")
        return candidate.relative_to(self._layout.root).as_posix()

    def write(self, name: str, data: bytes) -> None:
        """Write an image, durable under its name. Raises OSError."""
        final = self._layout.root / name
        temporary = self._layout.temporary / final.name
        disk.write_file(temporary, data)
        self._make_folder(final.parent)
        disk.publish(temporary, final)

    def _make_folder(self, folder: Path) -> None:
        # Whoever comes second waits until the folder's own name is durable.
        with self._guard:
            if folder not in self._made:
                disk.make_folder(folder)
                self._made.add(folder)
