"""A scratch file in memory, which may be full."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchgen.core.errors import DiskError


@dataclass
class Memory:
    """Keeps what is appended; the append of a number in `refused`, counted from 1, fails."""

    refused: frozenset[int] = frozenset()
    data: bytearray = field(default_factory=bytearray)
    appends: int = 0

    def append(self, data: bytes) -> None:
        self.appends += 1
        if self.appends in self.refused:
            raise DiskError("cannot write work.arrow: No space left on device")
        self.data += data

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self.data[offset : offset + size])
