"""Temporary files: what is on its way to its name lies beside it, on the same file system, until it is whole.

Their names begin with a dot and end in `.tmp`: Hugging Face, image folders and patterns such as `part-*.parquet` pass
over them. Each is locked while it is written. A process that is killed leaves its file and lets go of the lock, so
what nobody holds is a leftover, and removing it takes nothing from anybody who is at work. Where the file system has
no locks, leftovers stay.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from batchgen.store import disk
from batchgen.store.flock import Flock, try_flock

_NAME = re.compile(r"\.batchgen-[0-9a-f]{16}\.tmp")


def temporary_name() -> str:
    """Return a name for a temporary file that no other has."""
    return f".batchgen-{secrets.token_hex(8)}.tmp"


def is_temporary(name: str) -> bool:
    """Whether a file's name, without its folder, is one of ours for a temporary file."""
    return _NAME.fullmatch(name) is not None


@contextmanager
def temporary_file(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield path and descriptor of a new file in `folder`, to be written and renamed; gone if the block raises.

    It is open for reading and for appending. Raises OSError.
    """
    path, descriptor = _create(folder)
    try:
        yield path, descriptor
    except BaseException:
        disk.remove(path)
        raise
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files in a folder that no running process holds. Raises OSError."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        # What has gone meanwhile, is held, or is another user's, is left alone.
        with suppress(FileNotFoundError, PermissionError):
            if is_temporary(path.name) and path.is_file() and not path.is_symlink():
                _remove_unheld(path)


def _create(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / temporary_name()
        descriptor = disk.open_new(path)
        try:
            # Busy: another process takes it for a leftover before it is locked.
            if try_flock(descriptor) is not Flock.BUSY and os.fstat(descriptor).st_nlink:
                return path, descriptor
        except BaseException:
            os.close(descriptor)
            disk.remove(path)
            raise
        os.close(descriptor)


def _remove_unheld(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if try_flock(descriptor) is Flock.HELD:
            disk.remove(path)
    finally:
        os.close(descriptor)
