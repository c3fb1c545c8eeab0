"""What the disk refuses, said as an error that a user can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from batchgen.core.errors import DiskError


@contextmanager
def disk_errors(place: str | PathLike[str]) -> Iterator[None]:
    """Raise an OSError as DiskError; `place` is named where the OSError names no file."""
    try:
        yield
    except OSError as error:
        raise DiskError(f"cannot write {error.filename or place}: {error.strerror or error}.") from error
