"""Where the numbered files of a dataset lie, for tests that look at them, or harm them, as no reader does."""

from __future__ import annotations

from pathlib import Path

from support.folder_layout import FolderLayout

from batchgen.store import LocalStore, StoredFile


def parts_of(layout: FolderLayout) -> list[Path]:
    """Return the paths of the index parts, oldest first."""
    return [layout.path(file.name) for file in layout.parts().values()]


def segments_of(layout: FolderLayout) -> list[Path]:
    """Return the paths of the WAL's segments, oldest first."""
    return [layout.path(file.name) for file in layout.segments().values()]


def stored(path: Path) -> StoredFile:
    """Return a file as a store has it, for readers that know no path."""
    return StoredFile(LocalStore(path.parent), path.name)
