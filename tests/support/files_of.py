"""Where the numbered files of a dataset lie, for tests that look at them, or harm them, as no reader does."""

from __future__ import annotations

from pathlib import Path

from batchgen.dataset.layout import Layout
from batchgen.store import LocalStore, StoredFile


def parts_of(layout: Layout) -> list[Path]:
    """Return the paths of the index parts, oldest first."""
    return [file.path for file in layout.parts().values()]


def segments_of(layout: Layout) -> list[Path]:
    """Return the paths of the WAL's segments, oldest first."""
    return [file.path for file in layout.segments().values()]


def stored(path: Path) -> StoredFile:
    """Return a file as a store has it, for readers that know no path."""
    return LocalStore(path.parent).file(path.name)
