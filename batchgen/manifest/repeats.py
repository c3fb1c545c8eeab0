"""Rows that repeat one before: found by the reading that leads, and told to the one that follows it.

To find them takes a hash of every row that came before: 100 MB for ten million rows. A run reads its manifest
twice, to plan and to send, and pays for that once: the second reading takes over what the first has found, by chunks.
The price: it never overtakes the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Condition
from typing import Protocol

from batchgen.manifest.occurrences import Occurrences


class Seen(Protocol):
    """Counts the keys of rows, chunk by chunk."""

    def add(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Take in a chunk. Return how often each key came earlier, by position, where it did at all."""


class OutOfStep(Exception):
    """The reading that follows has met more than the one that leads: they did not read the same file."""


class LeadingReading:
    """Counts, and lets others know; `end` must be called when nothing more is read."""

    def __init__(self) -> None:
        self._occurrences = Occurrences()
        self._found: list[Mapping[int, int]] = []
        self._ended = False
        self._changed = Condition()

    def add(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Take in a chunk, as `Seen` has it."""
        found = self._occurrences.add(keys)
        with self._changed:
            self._found.append(found)
            self._changed.notify_all()
        return found

    def end(self) -> None:
        """Nothing more comes: whoever waits for it is told so."""
        self._occurrences = Occurrences()  # what it remembers is of no use any more, and large
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def of_chunk(self, number: int) -> Mapping[int, int]:
        """Return what was found in a chunk, once it was read. Raises OutOfStep."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or number < len(self._found))
            if number >= len(self._found):
                raise OutOfStep
            return self._found[number]


class FollowingReading:
    """Takes from a reading that leads, of the same file, what it found."""

    def __init__(self, leading: LeadingReading) -> None:
        self._leading = leading
        self._chunks = 0

    def add(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Take in a chunk, as `Seen` has it; waits until the other has read it. Raises OutOfStep."""
        self._chunks += 1
        return self._leading.of_chunk(self._chunks - 1)
