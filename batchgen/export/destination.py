"""Where an export appears: under its name when it is whole, and under a temporary one beside it until then.

An export that is cut off leaves nothing under its name. What it left under the temporary name is removed
by the next export to the same place. The price: such an export starts from the beginning.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from batchgen.core.errors import ExportError
from batchgen.store import disk

# Files handed to the threads at a time: an error ends the export soon, and a million files need no million futures.
_FILES_AT_ONCE = 256


@contextmanager
def new_folder(final: Path, dataset: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it gets its final name when the block ends without an error.

    Raises ExportError: there is something under that name, or it lies within the dataset. Raises OSError.
    """
    partial = _checked(final, dataset)
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
def new_file(final: Path, dataset: Path) -> Iterator[Path]:
    """Yield the path of a file to write; it gets its final name when the block ends without an error.

    Raises as `new_folder` does.
    """
    partial = _checked(final, dataset)
    disk.make_folder(partial.parent)
    partial.touch()
    with _held(partial):
        try:
            yield partial
            _sync_file(partial)
            disk.publish(partial, final)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _checked(final: Path, dataset: Path) -> Path:
    """Return the temporary name for an export that may be made."""
    if final.exists() or final.is_symlink():
        raise ExportError(f"{final} exists already. Remove it, or give another name: an export replaces nothing.")
    inside, outside = final.resolve(), dataset.resolve()
    if inside.is_relative_to(outside) or outside.is_relative_to(inside):
        raise ExportError(f"{final} and the dataset {dataset} lie within one another. Export to a place beside it.")
    return final.with_name(f".{final.name}.batchgen-partial")


@contextmanager
def _held(partial: Path) -> Iterator[None]:
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ExportError(f"another export is writing there just now ({partial}). Wait for it.") from None
    else:
        yield  # whoever dies lets go
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
