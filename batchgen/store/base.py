"""What a dataset needs of the place where its bytes are kept.

Names are relative, with forward slashes. A name stands for whole, durable bytes or for nothing: a reader never
meets half of what is being written. Folders are no part of the protocol; a store makes what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a store, and the size of its bytes."""

    name: str
    size_bytes: int


class Store(Protocol):
    """A place for bytes under names. Safe to use from several threads. Every method raises OSError."""

    def put(self, name: str, data: Buffer) -> None:
        """Keep `data` under `name`, in place of what was there; durable and whole when this returns."""

    def put_many(self, blobs: Sequence[tuple[str, Buffer]]) -> None:
        """Keep many at once, which is faster than one after the other; all are durable when this returns."""

    def put_stream(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Keep what the block writes, where it is too large for the memory; nothing of it if the block raises.

        The file grows at its end; it may be read, and cut back with `truncate`.
        """

    def open(self, name: str) -> BinaryIO:
        """Open what is kept under `name` for reading. Raises FileNotFoundError."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yield what is kept under names that begin with `prefix`, in no order."""

    def remove(self, name: str) -> None:
        """Keep nothing under `name` any more; it is no error if nothing is. After a power loss it may be back."""
