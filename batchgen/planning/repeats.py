"""Rows that repeat one before: found by the reading that leads, and told to the one that follows it.

To find them takes a hash of every row that came before: 100 MB for ten million rows. A run reads its manifest
twice, to plan and to send, and pays for that once: the second reading takes over what the first has found, by chunks.
The price: it never overtakes the first.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Protocol

from batchgen.planning.occurrences import Occurrences


class Seen(Protocol):
    """Counts the keys of rows, chunk by chunk."""

    def add(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Take in a chunk. Return how often each key came earlier, by position, where it did at all."""


class OutOfStep(Exception):
    """The reading that follows has met other rows than the one that leads: the file was changed in between."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """keys: a hash of all. positions, counts: of the repeated ones; a dictionary of them takes eight times the room."""

    keys: int
    positions: array[int]
    counts: array[int]


class LeadingReading:
    """Counts, and lets others know; `end` must be called when nothing more is read."""

    def __init__(self) -> None:
        self._occurrences = Occurrences()
        self._chunks: list[_Chunk] = []
        self._ended = False
        self._error: Exception | None = None
        self._changed = Condition()

    def add(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Take in a chunk, as `Seen` has it."""
        found = self._occurrences.add(keys)
        chunk = _Chunk(hash(tuple(keys)), array("I", found.keys()), array("I", found.values()))
        with self._changed:
            self._chunks.append(chunk)
            self._changed.notify_all()
        return found

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes, or `error` did: whoever waits for more is told so. Only the first call counts."""
        if self._ended:
            return
        self._occurrences = Occurrences()  # what it remembers is of no use any more, and large
        with self._changed:
            self._ended = True
            self._error = error
            self._changed.notify_all()

    def of_chunk(self, number: int, keys: Sequence[int]) -> Mapping[int, int]:
        """Return what was found in a chunk of these keys, once it was read. Raises OutOfStep, or what ended it."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or number < len(self._chunks))
            if number >= len(self._chunks):
                raise self._error or OutOfStep
            chunk = self._chunks[number]
        if chunk.keys != hash(tuple(keys)):
            raise OutOfStep
        return dict(zip(chunk.positions, chunk.counts, strict=True))


class FollowingReading:
    """Takes from a reading that leads, of the same file, what it found."""

    def __init__(self, leading: LeadingReading) -> None:
        self._leading = leading
        self._chunks = 0

    def add(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Take in a chunk, as `Seen` has it; waits until the other has read it. Raises as `of_chunk`."""
        self._chunks += 1
        return self._leading.of_chunk(self._chunks - 1, keys)
