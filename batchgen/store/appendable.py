"""A file that grows at its end while it is in use: for a write-ahead log and for a log of events.

Appending hands bytes to the operating system at once, so a killed process loses nothing. `sync` makes all that was
appended so far durable, and one fsync serves all threads that wait for it.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from batchgen.store import disk


class AppendableFile:
    """An open file that grows at its end: a Log. Safe to use from several threads.

    Args:
        path: Where it lies, for messages.
        descriptor: Open for appending; `close` closes it.
        size: What the file has so far, in bytes, all of it durable.
    """

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = size
        self._synced = size
        self._syncing = False
        self._failure: OSError | None = None
        self._changed = threading.Condition()

    @property
    def outlives_process(self) -> bool:
        """Always: it is in the hands of the operating system."""
        return True

    def append(self, data: bytes) -> None:
        """Hand `data` to the operating system, all or none: after a failed write the file is cut back.

        Raises OSError.
        """
        with self._changed:
            self._refuse_after_failure()
            try:
                disk.append(self._descriptor, data)
            except OSError:
                self._cut_back()
                raise
            self._size += len(data)

    def sync(self) -> None:
        """Return when all that was appended before this call is durable.

        Raises OSError; after a failed fsync what the disk holds is unknown, so every later call fails too.
        """
        with self._changed:
            target = self._size
            while self._synced < target:
                self._refuse_after_failure()
                if self._syncing:
                    self._changed.wait()
                    continue
                self._sync_once()

    def is_in_place(self) -> bool:
        """Whether the file still has its name: another process may have removed it. Raises OSError."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.lstat())
        except FileNotFoundError:
            return False

    def refuse(self, error: OSError) -> None:
        """Take nothing more: every later `append` raises `error`."""
        with self._changed:
            self._failure = error

    def close(self) -> None:
        """Close the file. Nothing may be appended or synced afterwards."""
        os.close(self._descriptor)

    def _cut_back(self) -> None:
        """The next line must not be glued to a torn one; where that cannot be had, there is no next line."""
        try:
            disk.cut(self._descriptor, self._size)
        except OSError as error:
            self._failure = error

    def _sync_once(self) -> None:
        size = self._size
        self._syncing = True
        self._changed.release()
        failure: OSError | None = None
        try:
            disk.sync(self._descriptor)
        except OSError as error:
            failure = error
        finally:
            self._changed.acquire()
            self._syncing = False
            self._failure = self._failure or failure
            self._changed.notify_all()
        if failure is None:
            self._synced = max(self._synced, size)

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise OSError(self._failure.errno, f"{self.path}: {self._failure.strerror}") from self._failure
