"""Files on their way to their names: beside them, held while they are written, and gone if that fails.

Who is killed leaves such a file and lets go of it; the next gallery removes what nobody holds. So a gallery that
runs at the same time, in whatever process, loses nothing.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Of so many numbers no two galleries draw the same.
_NUMBER_BITS = 62
_NUMBERED = re.compile(r"\..+\.[0-9]+")


@contextmanager
def temporary_file(final: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield a new file beside `final`, to be written and renamed to it; if the block raises, it is gone.

    Raises OSError.
    """
    path, file = _create(final)
    with file:
        try:
            yield path, file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove those of the paths that are temporary files which nobody holds. Raises OSError."""
    for path in paths:
        # What has gone meanwhile, is held, or is another user's, is left alone.
        with suppress(FileNotFoundError, BlockingIOError, PermissionError):
            if _NUMBERED.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                _remove_unheld(path)


def _create(final: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = final.with_name(f".{final.name}.{secrets.randbits(_NUMBER_BITS)}")
        file = path.open("xb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return path, file
        except BaseException:
            file.close()
            path.unlink(missing_ok=True)
            raise
        file.close()  # another gallery took it for a leftover before it was held


def _remove_unheld(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
