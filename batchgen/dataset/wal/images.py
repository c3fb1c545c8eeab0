"""The image files: one that is there is never written over, unless by the same bytes."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from hashlib import sha256

from batchgen.core.threads import no_more_threads
from batchgen.dataset.layout import IMAGES, Layout
from batchgen.store.disk import SYNCS_AT_ONCE
from batchgen.store.temporary import temporary_name

# Beside images: segments, parts, the view, temporary files.
_FILES_OF_A_RUN = 64


class ImageFiles:
    """Writes images into a dataset."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def rehearse(self, requests: int) -> None:
        """Do once all that saving an image takes, before any is paid for: write, sync, rename, and room for files.

        requests: how many may be in flight. Raises OSError, and UsageError where no threads can be started.
        """
        names = [f"{IMAGES}{temporary_name()}" for _ in range(SYNCS_AT_ONCE)]
        try:
            self.write([(name, b"rehearsal") for name in names])
        except RuntimeError as error:
            raise no_more_threads(error) from None
        finally:
            for name in names:
                self._layout.store.remove(name)
        free = self._layout.store.free_files(IMAGES)
        if free is not None and free < requests + _FILES_OF_A_RUN:
            where = self._layout.store.where(IMAGES)
            raise OSError(errno.ENOSPC, "there is room for no more files (inodes), whatever their size", where)

    def free_name(self, name: str, data: bytes, *, is_first: bool) -> str:
        """Return `name`, or one like it under which no other image is kept. Raises OSError.

        is_first: whether nobody asked for this image before. Where others may write at the same time nobody looks what
        is there: an image that was asked for again is named by its bytes as well.
        """
        store = self._layout.store
        stem, dot, extension = name.rpartition(".")
        if self._layout.is_shared:
            return name if is_first else f"{stem}-{int(sha256(data).hexdigest()[:7], 16)}{dot}{extension}"
        candidate, count = name, 1
        while store.exists(candidate) and store.read(candidate) != data:
            count += 1
            candidate = f"{stem}-{count}{dot}{extension}"
        return candidate

    def write(self, images: Sequence[tuple[str, bytes]]) -> None:
        """Write images under their names, all of them durable when this returns. Raises OSError."""
        if images and self._layout.store.has_moved():
            # To write there would begin a second dataset of half the images.
            raise OSError(errno.ENOENT, "the folder was moved while the run was writing it", str(self._layout.store))
        self._layout.store.put_many(images)
