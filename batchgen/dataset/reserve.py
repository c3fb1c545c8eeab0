"""Room kept back for the moment when the disk is full: so that what is in flight, and paid for, can still be saved."""

from __future__ import annotations

from pathlib import Path

from batchgen.dataset import disk

# A large picture and its records; a request of several pictures is mostly of smaller ones.
RESERVE_BYTES_PER_REQUEST = 3_000_000


class Reserve:
    """A file that takes up `size` bytes until `release`. Raises OSError if the disk has no such room even now."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        if size:
            disk.allocate(path, size)

    def release(self) -> None:
        """Give the room back. May be called again."""
        disk.remove(self._path)
