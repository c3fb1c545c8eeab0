"""The one seam where the dataset touches the disk: every write, fsync, rename and unlink is here.

A caller gets durability by name: `append` is safe from the death of the process, `sync`, `create`
and `publish` from the loss of power. Whoever counts, stops or records these calls sees all that
ever reaches the disk. The price: a folder is fsynced after every rename into it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from contextlib import ExitStack
from pathlib import Path

# A full disk and a full quota: making room helps.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# fsync waits for the disk: measured, files of a few bytes are durable twice as fast as one after the other.
SYNCS_AT_ONCE = 4


def make_folder(path: Path) -> None:
    """Create a folder, with its parents, unless it is there; its name is durable when this returns.

    It is synced even if it was there: whoever made it may have died before syncing it.
    """
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def open_log(path: Path) -> int:
    """Open a file for appending, made if it is not there; return its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def create(path: Path, data: bytes) -> int:
    """Create a file that must not exist, durable with its first content; return its descriptor, open for appending.

    All or nothing: if it cannot be made durable, it is gone again.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        append(descriptor, data)
        sync(descriptor)
        sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
        remove(path)
        raise
    return descriptor


def append(descriptor: int, data: bytes) -> None:
    """Append all of `data`: in the hands of the operating system when this returns, not yet durable."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def cut(descriptor: int, size: int) -> None:
    """Cut a file back to `size` bytes, after an append that failed half-way."""
    os.ftruncate(descriptor, size)


def sync(descriptor: int) -> None:
    """Make what was written to an open file durable."""
    os.fsync(descriptor)


def allocate(path: Path, size: int) -> None:
    """Make a file of `size` bytes that really takes up its place on the disk; its content means nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def write_file(path: Path, data: bytes) -> None:
    """Write a file and make its bytes durable (its name is not, until it is published)."""
    write_with(path, lambda temporary: temporary.write_bytes(data))


def write_files(files: Sequence[tuple[Path, bytes]], threads: Executor) -> None:
    """Write some new files and make their bytes durable, as `write_file` does for one; all are open at once.

    The disk begins with each while the next one is written, and the waits for it run together in `threads`.
    """
    with ExitStack() as opened:
        descriptors = []
        for path, data in files:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            opened.callback(os.close, descriptor)
            descriptors.append(descriptor)
            append(descriptor, data)
            # Asks for the bytes to be written back, and waits for nothing.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        shares = [descriptors[first::SYNCS_AT_ONCE] for first in range(min(SYNCS_AT_ONCE, len(descriptors)))]
        others = [threads.submit(_sync_each, share) for share in shares[1:]]
        try:
            _sync_each(shares[0])
        finally:
            wait(others)  # before a descriptor is closed
        for other in others:
            other.result()


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill the file at `path`, then make its bytes durable."""
    write(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def _sync_each(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        sync(descriptor)


def publish(temporary: Path, final: Path) -> None:
    """Give a written file its final name, all or nothing, and make the name durable."""
    rename(temporary, final)
    sync_folder(final.parent)


def rename(temporary: Path, final: Path) -> None:
    """Rename a file within one file system, over whatever has that name; not yet durable."""
    temporary.rename(final)


def remove(path: Path) -> None:
    """Remove a file that is no longer needed; it is no error if it is gone. After a power loss it may be back."""
    path.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems have no such call: they make a name durable when they make it.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
