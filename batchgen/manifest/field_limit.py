"""The size of a field that `csv.reader` takes: raised while batchgen reads, and as it was when it does not.

The csv module keeps one limit for the whole process, and in a notebook that process is the user's.
"""

from __future__ import annotations

import csv
from threading import Lock


class FieldLimit:
    """A context in which `csv.reader` takes fields of so many characters; threads may be in it at the same time."""

    def __init__(self, chars: int) -> None:
        self._chars = chars
        self._lock = Lock()
        self._inside = 0
        self._outside_chars = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._outside_chars = csv.field_size_limit()
                csv.field_size_limit(max(self._outside_chars, self._chars))
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                csv.field_size_limit(self._outside_chars)
