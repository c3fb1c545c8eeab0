"""One name of a store, for those who read it and need no other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from batchgen.store.base import Log, Store


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What is kept under a name, now or when it is opened. As text it is where it lies, for messages."""

    store: Store
    name: str

    def open(self) -> BufferedReader:
        """Open it for reading. Raises OSError, FileNotFoundError if nothing is kept under the name."""
        return self.store.open(self.name)

    def open_log(self) -> Log:
        """Open it at its end, as a log; it begins now if there is none. Raises OSError."""
        return self.store.open_log(self.name)

    def as_path(self) -> AbstractContextManager[Path]:
        """Yield a path for the block, for programs that read nothing else. Raises OSError, FileNotFoundError."""
        return self.store.as_path(self.name)

    def __str__(self) -> str:
        return self.store.where(self.name)
