"""One writer at a time for a dataset.

The lock is the kernel's (`flock`), so it dies with its process however that ends, and needs no
clean-up; the file's text only says who holds it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from batchgen.core.errors import Locked
from batchgen.store import disk

# A reader that asks whether the lock is held has it for a moment; a writer holds it for much longer.
_TRIES = 5
_PAUSE_S = 0.05


class Lock:
    """Holds a dataset for this process until `release`; raises `Locked` if another one has it, OSError."""

    def __init__(self, path: Path) -> None:
        self._descriptor = disk.open_file(path, os.O_RDWR | os.O_CREAT)
        try:
            if not _acquire(self._descriptor):
                holder = _describe(os.read(self._descriptor, 4096))
                message = (
                    f"{path.parent.parent} is being written by {holder}. Wait for it, stop it, or use another folder."
                )
                raise Locked(message)
            holder_text = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(holder_text).encode(), 0)
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Let the dataset go. The file stays: removing it would race with the next holder."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether a running process holds the lock."""
    try:
        descriptor = disk.open_file(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _acquire(descriptor: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _describe(text: bytes) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
