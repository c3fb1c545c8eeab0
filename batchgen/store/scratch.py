"""A file that a run needs while it goes on and nothing resumes from: never synced, and replaced by the next run.

It is made by the first append, so that a run with nothing to write leaves none. Appending is one thread's; reading
may be done by any, also meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path

from batchgen.core.errors import DiskError
from batchgen.store import disk


class ScratchFile:
    """Bytes that are appended and read back by their offsets. Raises DiskError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def append(self, data: bytes) -> None:
        """Append all of `data`."""
        try:
            if self._descriptor is None:
                disk.remove(self._path)
                self._descriptor = disk.open_new(self._path)
            disk.append(self._descriptor, data)
        except OSError as error:
            raise DiskError(
                f"cannot write {self._path}: {error.strerror or error}. "
                "Put that right, then type the same command again."
            ) from error

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on; they were appended before."""
        try:
            data = b"" if self._descriptor is None else os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise DiskError(f"cannot read {self._path}: {error.strerror or error}") from error
        if len(data) != size:
            raise DiskError(f"{self._path} was cut short while the run needed it; type the same command again.")
        return data

    def remove(self) -> None:
        """Remove the file, if it was made."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            disk.remove(self._path)
