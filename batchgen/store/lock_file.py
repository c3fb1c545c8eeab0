"""The files of a lock as they are at this moment.

They are opened anew each time, since only that makes a network file system ask its server.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from batchgen.store import disk
from batchgen.store.holder import Holder, decode

_TEXT_BYTES = 4096


def create(path: Path) -> int:
    """Create the file of a lock and return its descriptor. Raises FileExistsError."""
    return disk.open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def text_at(path: Path) -> bytes:
    """Return what the file holds, nothing if it is gone."""
    try:
        descriptor = disk.open_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, _TEXT_BYTES, 0)
    finally:
        os.close(descriptor)


def holder_at(path: Path) -> Holder | None:
    """Return who the file of this name says holds the lock; None if it does not say."""
    return decode(text_at(path))


def holder_in(descriptor: int) -> Holder | None:
    """Return who an open file says holds the lock; None if it does not say."""
    return decode(os.pread(descriptor, _TEXT_BYTES, 0))


def states_of(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    """Yield name, size and time of each file that is there."""
    for path in paths:
        try:
            descriptor = disk.open_file(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            state = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        yield path.name, state.st_size, state.st_mtime_ns
