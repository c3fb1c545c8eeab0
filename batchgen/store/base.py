"""What a dataset needs of the place where its bytes are kept.

Names are relative, with forward slashes. A name stands for whole, durable bytes or for nothing: a reader never
meets half of what is being written. Folders are no part of the protocol; a store makes what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Protocol

from batchgen.store.scratch import ScratchFile

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a store, and the size of its bytes."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when anybody keeps something else under a name; two that are equal mean the same bytes."""

    size_bytes: int
    mtime_ns: int


class Log(Protocol):
    """What grows at its end while it is in use: a write-ahead log above all. Safe to use from several threads."""

    @property
    def outlives_process(self) -> bool:
        """Whether what was appended outlives the death of this process without a `sync`."""

    def append(self, data: bytes) -> None:
        """Take `data`, all or none; durable after the next `sync`. Raises OSError."""

    def sync(self) -> None:
        """Return when all that was appended before this call is durable.

        Raises OSError; after that what the store holds is unknown, so every later call fails too.
        """

    def is_in_place(self) -> bool:
        """Whether it still has its name: another process may have removed it. Raises OSError."""

    def refuse(self, error: OSError) -> None:
        """Take nothing more: every later `append` raises `error`."""

    def close(self) -> None:
        """End it. Nothing may be appended or synced afterwards."""


class Hold(AbstractContextManager["Hold"], Protocol):
    """A lock that this process holds; the end of the block lets it go."""

    @property
    def lost(self) -> str:
        """How the lock was lost, in words for the user; empty while it is held."""

    def confirm(self) -> None:
        """Look whether the lock is still held, unless that was done just now. Raises Locked."""


class Room(Protocol):
    """What is kept back for the moment when a store is full.

    released_for: the error for which it was given up, None while it is there.
    """

    released_for: OSError | None

    def release(self, error: OSError) -> None:
        """Give the room back to save what is in flight. May be done again."""

    def remove(self) -> None:
        """Give the room back: nothing is in flight any more."""


class Store(Protocol):
    """A place for bytes under names. Safe to use from several threads. Every method raises OSError.

    As text it is the place as the user named it, for messages and for commands to type.
    """

    @property
    def title(self) -> str:
        """What the place is called by itself, without where it lies: the name of a dataset in it."""

    def new_token(self) -> int:
        """Return what tells a name that this process makes from those of others, 32 bits.

        0 where that is not needed: where `create_log` makes what is nobody else's, and a lock keeps others out.
        """

    def put(self, name: str, data: Buffer) -> None:
        """Keep `data` under `name`, in place of what was there; durable and whole when this returns."""

    def put_many(self, blobs: Sequence[tuple[str, Buffer]]) -> None:
        """Keep many at once, which is faster than one after the other; all are durable when this returns."""

    def put_stream(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Keep what the block writes, where it is too large for the memory; nothing of it if the block raises.

        The file grows at its end; it may be read, and cut back with `truncate`.
        """

    def open(self, name: str) -> BufferedReader:
        """Open what is kept under `name` for reading. Raises FileNotFoundError."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yield what is kept under names that begin with `prefix`, in no order."""

    def remove(self, name: str) -> None:
        """Keep nothing under `name` any more; it is no error if nothing is. After a power loss it may be back."""

    def read(self, name: str) -> bytes:
        """Return all that is kept under `name`. Raises FileNotFoundError."""

    def exists(self, name: str) -> bool:
        """Whether anything is kept under `name`."""

    def is_taken(self, name: str) -> bool:
        """Whether there is anything of this name, also what is none of a store's, such as a folder."""

    def stamp(self, name: str) -> Stamp:
        """Return what tells whether anybody has kept something else under `name` since. Raises FileNotFoundError."""

    def move(self, name: str, to: str) -> None:
        """Keep under `to` what was kept under `name`, durable when this returns."""

    def where(self, name: str) -> str:
        """Say where what is kept under `name` lies, for messages."""

    def as_path(self, name: str) -> AbstractContextManager[Path]:
        """Yield a path for the block, for programs that read nothing else. Raises FileNotFoundError."""

    def create_log(self, name: str, data: bytes) -> Log:
        """Begin a log that begins with `data`, durable when this returns. Raises FileExistsError."""

    def open_log(self, name: str) -> Log:
        """Open a log at its end; it begins now if there is none."""

    def scratch(self, name: str) -> ScratchFile:
        """Return what is written and read back by this process alone; nothing is kept under `name` by any store."""

    def lock(self, name: str, beside: str) -> Hold:
        """Hold the lock of this name; names that begin with `beside` are its holder's. Raises Locked if it is held."""

    def is_held(self, name: str) -> bool:
        """Whether a running process holds a lock; of one on another machine that takes some seconds to tell."""

    def reserve(self, name: str, size: int) -> Room:
        """Take up `size` bytes until they are given back. Raises OSError where there is no such room."""

    def free_bytes(self) -> int | None:
        """Return how much room there is; None where there is no limit."""

    def free_files(self, prefix: str) -> int | None:
        """How many more names fit below a prefix, whatever their size; None where there is no such limit."""

    def refuse_place(self) -> None:
        """Raise NotADataset if nothing can be kept here whatever is written: the place is something else."""

    def has_moved(self) -> bool:
        """Whether the place is another one than when its lock was taken. Raises OSError."""

    def remove_leftovers(self, *names: str) -> None:
        """Remove what killed processes left on its way to such names."""
