"""A folder or a file that is made under a temporary name beside its own, and appears when it is whole and durable.

This is for what is made in one go and never resumed. The temporary name is always the same, so what a killed process
left there is removed by the next one that makes the same thing; a lock keeps two of them apart.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from batchgen.core.errors import Locked
from batchgen.store import disk
from batchgen.store.flock import Flock, try_flock

# Files handed to the threads at a time: an error ends the work soon, and a million files need no million futures.
_FILES_AT_ONCE = 256
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


@contextmanager
def staged_folder(final: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it gets its final name when the block ends without an error.

    Raises Locked: another process makes it just now. Raises OSError.
    """
    partial = _partial(final)
    disk.make_folder(partial)
    with _held(partial):
        try:
            _empty(partial)
            yield partial
            _sync_all(partial)
            disk.publish(partial, final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def staged_file(final: Path) -> Iterator[Path]:
    """Yield the path of a file to write; it gets its final name when the block ends without an error.

    Raises as `staged_folder` does.
    """
    partial = _partial(final)
    disk.make_folder(partial.parent)
    partial.touch()
    with _held(partial):
        try:
            yield partial
            _sync_file(partial)
            disk.publish(partial, final)
        except BaseException:
            disk.remove(partial)
            raise


def create(path: Path) -> BinaryIO:
    """Open a file for writing in what is staged, with the folder that it lies in; durable with the rest.

    Raises OSError, also for a link in its place.
    """
    try:
        descriptor = disk.open_file(path, _NEW)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = disk.open_file(path, _NEW)
    return os.fdopen(descriptor, "wb")


def _partial(final: Path) -> Path:
    return final.with_name(f".{final.name}.batchgen-partial")


@contextmanager
def _held(partial: Path) -> Iterator[None]:
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if try_flock(descriptor) is Flock.BUSY:
            raise Locked(f"{partial} is being written by another process. Wait for it.")
        yield  # a process that dies lets go
    finally:
        os.close(descriptor)


def _sync_all(folder: Path) -> None:
    """Make a folder durable with all that is in it; a write that failed meanwhile is raised as OSError."""
    with ThreadPoolExecutor(disk.SYNCS_AT_ONCE, "batchgen-sync") as threads:
        for place, _, names in os.walk(folder):
            paths = (Path(place, name) for name in names)
            while some := list(islice(paths, _FILES_AT_ONCE)):
                list(threads.map(_sync_file, some))
            disk.sync_folder(Path(place))


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
