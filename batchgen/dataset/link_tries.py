"""How often the links of deferred downloads were tried in vain, over all runs: what the next run goes by.

It is a note, not a record: without it each link is tried again, which is free.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec

from batchgen.dataset.layout import LINK_TRIES, Layout

# 6 MB of JSON. Links beyond are tried as if for the first time.
_MOST: Final = 100_000


class LinkTries:
    """Counts failed tries by link; `key` names an image slot."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._tries: dict[str, tuple[int, float]] = {}  # how many, and when the last one was
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError), layout.store.open(LINK_TRIES) as file:
            self._tries = msgspec.json.decode(file.read(), type=dict[str, tuple[int, float]])

    def count(self, key: str) -> int:
        """Return how often a link was tried in vain."""
        return self._tries.get(key, (0, 0.0))[0]

    def last_s(self, key: str, now: datetime) -> float:
        """Return how many seconds ago the last try was; infinite if there was none, or if the clock was set back."""
        _, at = self._tries.get(key, (0, float("-inf")))
        ago_s = now.timestamp() - at
        return ago_s if ago_s >= 0 else float("inf")

    def failed(self, key: str, now: datetime) -> None:
        """Count one more."""
        if key in self._tries or len(self._tries) < _MOST:
            self._tries[key] = (self.count(key) + 1, now.timestamp())

    def came(self, key: str) -> None:
        """Forget a link whose image is there."""
        self._tries.pop(key, None)

    def keep(self) -> None:
        """Keep the counts for the next run, if the disk takes them."""
        with suppress(OSError):
            if self._tries:
                self._layout.store.put(LINK_TRIES, msgspec.json.encode(self._tries))
            else:
                self._layout.store.remove(LINK_TRIES)
