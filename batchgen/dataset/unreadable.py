"""What was paid for and could not be read: the bytes as they came, in `.batchgen/unreadable/`, named by attempt.

They are for people: nothing reads them again, and they may be deleted. A service that sends nothing else shall not fill
the disk: beyond a gigabyte in a dataset no more is kept.
"""

from __future__ import annotations

import re
from typing import Final

from batchgen.dataset.layout import UNREADABLE, Layout

MOST_BYTES: Final = 1_000_000_000
# Attempt ids are our own, but for those of a provider that is not.
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]")


class UnreadableFiles:
    """The names of what could not be read, and how much of it there is."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._sizes: dict[str, int] | None = None

    def name_for(self, attempt_id: str, data: bytes) -> str | None:
        """Return the name to keep bytes under; None if there is too much already. Raises OSError."""
        if self._sizes is None:
            self._sizes = {entry.name: entry.size_bytes for entry in self._layout.store.list(UNREADABLE)}
        name = f"{UNREADABLE}{_UNFIT.sub('_', attempt_id)[:200]}.bin"
        others = sum(self._sizes.values()) - self._sizes.get(name, 0)
        if others + len(data) > MOST_BYTES:
            return None
        self._sizes[name] = len(data)
        return name
