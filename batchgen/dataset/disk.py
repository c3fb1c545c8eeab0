"""The one seam where the dataset touches the disk: every write, fsync, rename and unlink is here.

A caller gets durability by name: `append` is safe from the death of the process, `sync` and
`publish` from the loss of power. A test can count, stop or record these calls in order.
The price: a folder is fsynced after every rename into it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def make_folder(path: Path) -> None:
    """Create a folder with its parents, each entry durable."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def create(path: Path, data: bytes) -> int:
    """Create a file that must not exist, durable with its first content; return its descriptor, open for appending."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        append(descriptor, data)
        os.fsync(descriptor)
        sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
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
    """Make what was appended durable."""
    os.fdatasync(descriptor)


def write_file(path: Path, data: bytes) -> None:
    """Write a file and make its bytes durable (its name is not, until it is published)."""
    write_with(path, lambda temporary: temporary.write_bytes(data))


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill the file at `path`, then make its bytes durable."""
    write(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, final: Path) -> None:
    """Give a written file its final name, all or nothing, and make the name durable."""
    temporary.rename(final)
    sync_folder(final.parent)


def remove(path: Path) -> None:
    """Remove a file that is no longer needed; it is no error if it is gone."""
    path.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
