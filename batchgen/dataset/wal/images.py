"""The image files: each written under a temporary name, fsynced, renamed, and its name fsynced.

A file that is there is never written over, unless by the same bytes. Belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from batchgen.dataset.layout import Layout
from batchgen.store import disk

# Files that are open at once: more bring nothing, and a process may open 1,024.
_AT_ONCE = 32


class ImageFiles:
    """Writes images into a dataset."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._made: set[Path] = set()
        self._threads = ThreadPoolExecutor(disk.SYNCS_AT_ONCE - 1, "batchgen-sync")

    def free_name(self, name: str, data: bytes) -> str:
        """Return `name`, or the next like it under which no other image stands. Raises OSError."""
        first = candidate = self._layout.root / name
        count = 1
        while candidate.exists() and candidate.read_bytes() != data:
            count += 1
            candidate = first.with_stem(f"{first.stem}-{count}")
        return candidate.relative_to(self._layout.root).as_posix()

    def write(self, images: Sequence[tuple[str, bytes]]) -> None:
        """Write images under their names, all of them durable when this returns. Raises OSError."""
        files = [(self._layout.root / name, data) for name, data in images]
        for start in range(0, len(files), _AT_ONCE):
            some = [(self._temporary(path), data) for path, data in files[start : start + _AT_ONCE]]
            disk.write_files(some, self._threads)
        folders = {path.parent for path, _ in files}
        for folder in folders - self._made:
            disk.make_folder(folder)
            self._made.add(folder)
        for path, _ in files:
            disk.rename(self._temporary(path), path)
        for folder in folders:
            disk.sync_folder(folder)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown()

    def _temporary(self, path: Path) -> Path:
        return self._layout.temporary / path.name
