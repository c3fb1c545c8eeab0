"""What a store refuses to a writer, told in words for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from batchgen.core.errors import DiskError
from batchgen.dataset.layout import Layout


@contextmanager
def told(layout: Layout) -> Iterator[None]:
    """Raise as DiskError what the store refuses within the block."""
    try:
        yield
    except OSError as error:
        where = error.filename or layout.store
        raise DiskError(
            f"cannot write {where}: {error.strerror or error}. Put that right, then type the same command again."
        ) from error
