"""Room kept back for the moment when the disk is full: so that what is in flight, and paid for, can still be saved."""

from __future__ import annotations

from pathlib import Path

from batchgen.store import disk

# A large image and its records; a request of several images is mostly of smaller ones.
RESERVE_BYTES_PER_REQUEST = 3_000_000


class Reserve:
    """A file that takes up `size` bytes until it is given up. Raises OSError if the disk has no such room even now.

    released_for: the error for which it was given up, None while it is there.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.released_for: OSError | None = None
        if size:
            disk.allocate(path, size)

    def release(self, error: OSError) -> None:
        """Give the room back to save what is in flight. May be done again."""
        self.released_for = self.released_for or error
        self.remove()

    def remove(self) -> None:
        """Give the room back: nothing is in flight any more."""
        disk.remove(self._path)
