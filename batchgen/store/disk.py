"""The one seam where the dataset touches the disk: every write, fsync, rename and unlink is here.

A caller gets durability by name: `append` is safe from the death of the process, `sync`, `create`
and `publish` from the loss of power. A test that counts, stops or records these calls sees all that
ever reaches the disk. The price: a folder is fsynced after every rename into it.

Linux and macOS. Where a system has no call for it, a hint is left out and room is reserved by writing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Sequence
from concurrent.futures import Executor, wait
from pathlib import Path

# A full disk and a full quota: making room helps.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# fsync waits for the disk: measured, files of a few bytes are durable twice as fast as one after the other.
SYNCS_AT_ONCE = 4
# What a disk that has failed, or is gone, says. Every other word for a folder's fsync means that there is no such call,
# for which file systems, mostly network ones, have many.
_FAILED = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.ENXIO, errno.ENODEV})
_NOT_SUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS})
_ZEROS = bytes(1 << 20)


def make_folder(path: Path) -> None:
    """Create a folder, with its parents, unless it is there; its name is durable when this returns.

    It is synced even if it was there: the process that made it may have died before syncing it.
    """
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def open_file(path: Path, flags: int, follow: bool = False) -> int:
    """Open a file, and nothing that only looks like one: a dataset may come from somebody else.

    Args:
        path: Where it lies.
        flags: As for `os.open`; a file that is made gets the rights that the umask leaves, so that a team can share it.
        follow: Whether it may be a link to a file.

    Raises:
        OSError: Also for a link that is not followed, a pipe or a device.
    """
    no_links = 0 if follow else os.O_NOFOLLOW
    try:
        # A pipe that nobody writes to would be waited for.
        descriptor = os.open(path, flags | no_links | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if not follow and path.is_symlink():
            raise link_refused(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return descriptor


def link_refused(path: Path) -> OSError:
    """Return the error for a link that is in the place of what a dataset writes."""
    return OSError(errno.ELOOP, f"it is a link to {path.readlink()}, and nothing is written through it", str(path))


def open_log(path: Path) -> int:
    """Open a file for appending, made if it is not there; return its descriptor."""
    return open_file(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def open_new(path: Path) -> int:
    """Create an empty file that must not exist; return its descriptor, open for reading and appending."""
    return open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND)


def create(path: Path, data: bytes) -> int:
    """Create a file that must not exist, durable with its first content; return its descriptor, open for appending.

    All or nothing: if it cannot be made durable, it is gone again.
    """
    descriptor = open_new(path)
    try:
        append(descriptor, data)
        sync(descriptor)
        sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
        remove(path)
        raise
    return descriptor


def append(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Append all of `data`: in the hands of the operating system when this returns, not yet durable."""
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(descriptor, view) :]


def cut(descriptor: int, size: int) -> None:
    """Cut a file back to `size` bytes, after an append that failed half-way."""
    os.ftruncate(descriptor, size)


def start_writing_back(descriptor: int) -> None:
    """Ask for the bytes of a file to be written to the disk, and wait for nothing: its fsync is then shorter."""
    advise = getattr(os, "posix_fadvise", None)
    if advise is not None:
        advise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def sync(descriptor: int) -> None:
    """Make what was written to an open file durable."""
    # On macOS fsync leaves bytes in the drive's own cache (Apple's fsync(2)).
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(descriptor, full)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
        else:
            return
    os.fsync(descriptor)


def sync_all(descriptors: Sequence[int], threads: Executor) -> None:
    """Make what was written to some open files durable; the waits for the disk run together in `threads`."""
    shares = [descriptors[first::SYNCS_AT_ONCE] for first in range(min(SYNCS_AT_ONCE, len(descriptors)))]
    others = [threads.submit(_sync_each, share) for share in shares[1:]]
    try:
        _sync_each(shares[0])
    finally:
        wait(others)  # before the caller closes a descriptor
    for other in others:
        other.result()


def allocate(path: Path, size: int) -> None:
    """Make a file of `size` bytes that really takes up its place on the disk; its content means nothing."""
    remove(path)  # what an earlier run left there, or somebody's link
    descriptor = open_new(path)
    try:
        if not _fallocate(descriptor, size):
            for start in range(0, size, len(_ZEROS)):
                append(descriptor, memoryview(_ZEROS)[: size - start])
    finally:
        os.close(descriptor)


def publish(temporary: Path, final: Path) -> None:
    """Give a written file its final name, all or nothing, and make the name durable."""
    rename(temporary, final)
    sync_folder(final.parent)


def rename(temporary: Path, final: Path) -> None:
    """Rename a file within one file system, over what has that name; not yet durable."""
    temporary.rename(final)


def remove(path: Path) -> None:
    """Remove a file that is no longer needed; it is no error if it is gone. After a power loss it may be back."""
    path.unlink(missing_ok=True)


def is_same_folder(path: Path, known: os.stat_result) -> bool:
    """Whether a folder is the one that it was; False if it is gone, or another one has its name. Raises OSError."""
    try:
        return os.path.samestat(path.stat(), known)
    except FileNotFoundError:
        return False


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # A file system without this call makes a name durable when it makes it.
        if error.errno in _FAILED:
            raise
    finally:
        os.close(descriptor)


def _sync_each(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        sync(descriptor)


def _fallocate(descriptor: int, size: int) -> bool:
    """Whether the system has reserved the room; macOS and some file systems cannot, and say so in many ways."""
    fallocate = getattr(os, "posix_fallocate", None)
    if fallocate is None:
        return False
    try:
        fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno in _FAILED:
            raise
        return False
    return True
