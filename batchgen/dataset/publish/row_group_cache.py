"""metadata.parquet is written by row groups: those at its start that are still right are copied and not made again.

So a small addition at the end of a large dataset costs a copy of bytes. A row group that is copied has the bytes that
it would have if it were written now: each is written by a writer of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from io import RawIOBase
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.dataset.index.parts import open_writer
from batchgen.dataset.publish.stats import Counts
from batchgen.dataset.publish.view_state import RowGroup
from batchgen.store import StoredFile

# Copied at a time.
_CHUNK_BYTES = 1 << 20
_NOTHING = bytes(_CHUNK_BYTES)
# After a footer come its length and the magic again (Parquet's specification, "File format").
_MAGIC_BYTES, _END_BYTES = 4, 8


class _Rest(RawIOBase):
    """A file that has its first `written` bytes already, and lets them pass.

    Arrow begins a Parquet file at nothing, and tells places in it by what it has given to its sink.
    """

    def __init__(self, file: BinaryIO, written: int) -> None:
        self._file = file
        self._written = written

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._written:
            self._written -= len(data)
        else:
            self._file.write(data)
        return len(data)


class CachedView:
    """Writes the view into `target`, an empty file, row group by row group.

    before: the view as it lies there. groups: what is known of its row groups.
    """

    def __init__(self, target: BinaryIO, schema: pa.Schema, before: StoredFile, groups: Sequence[RowGroup]) -> None:
        self._target = target
        self._schema = schema
        self._before = before
        self._left = list(groups)
        self._hash = sha256()
        self._end = 0
        self.groups: list[RowGroup] = []

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is written so far."""
        return self._hash.digest()

    def keep(self, key: bytes) -> bool:
        """Take the next row group over, if it has this key; return whether it had."""
        if not self._left or self._left[0].key != key or not self._copy(self._left[0]):
            self._left.clear()  # what lies behind it has other places now
            return False
        self.groups.append(self._left.pop(0))
        return True

    def add(self, key: bytes, table: pa.Table, counts: Counts) -> None:
        """Write the next row group."""
        described: list[Any] = []
        sink = pa.PythonFile(_Rest(self._target, self._end), "w")
        with open_writer(sink, self._schema, described) as writer:
            while (given := sink.tell()) < self._end:
                sink.write(_NOTHING[: self._end - given])
            if len(table):
                writer.write_table(table, row_group_size=len(table))
        self._target.seek(-_END_BYTES, 2)
        footer_bytes = int.from_bytes(self._target.read(4), "little")
        end = self._target.seek(-_END_BYTES - footer_bytes, 2)
        self._target.truncate()
        for chunk in _readable(self._target, self._end, end - self._end):
            self._hash.update(chunk)
        self._end = end
        self.groups.append(RowGroup(key, end, self.digest, _footer(described[0]), counts))

    def finish(self) -> None:
        """Write the footer of all row groups, of which there is one at least."""
        whole, *others = (pq.read_metadata(pa.BufferReader(group.footer)) for group in self.groups)
        for other in others:
            whole.append_row_groups(other)
        footer = _footer(whole)[_MAGIC_BYTES:]
        self._target.write(footer)
        self._hash.update(footer)

    def _copy(self, group: RowGroup) -> bool:
        hashed = self._hash.copy()
        with suppress(OSError), self._before.open() as before:
            for chunk in _readable(before, self._end, group.end - self._end):
                hashed.update(chunk)
                self._target.write(chunk)
        if hashed.digest() == group.digest:
            self._hash, self._end = hashed, group.end
            return True
        self._target.seek(self._end)
        self._target.truncate()
        return False


def _readable(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """So many bytes of a file, as far as there are."""
    file.seek(start)
    while chunk := file.read(min(size, _CHUNK_BYTES)):
        yield chunk
        size -= len(chunk)


def _footer(metadata: Any) -> bytes:
    sink = pa.BufferOutputStream()
    metadata.write_metadata_file(sink)
    return cast("bytes", sink.getvalue().to_pybytes())
