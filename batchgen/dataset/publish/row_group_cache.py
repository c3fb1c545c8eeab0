"""metadata.parquet grows by sections, one for each index part: what is still right is copied and not made again.

A section is the row groups that one part gave, with the footer that describes them. `.batchgen/view.sections`
keeps those footers beside what each section was made of. So a small addition to a large dataset
costs a copy of bytes; where that file is gone, or does not fit the view as it lies there, all is made again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from batchgen import __version__
from batchgen.dataset.index.parts import open_writer
from batchgen.dataset.layout import ROW_GROUPS, Layout
from batchgen.dataset.publish.stats import Counts

# Copied at a time.
_CHUNK_BYTES = 1 << 20
_NOTHING = bytes(_CHUNK_BYTES)
# After a footer come its length and the magic again (Parquet's specification, "File format").
_MAGIC_BYTES, _END_BYTES = 4, 8

# pyarrow has no types of its own that mypy could read.
Schema = Any


class Section(msgspec.Struct, frozen=True):
    """Some row groups of the view.

    source: what they were made of. size: in bytes. sha256: of these bytes. footer: a Parquet file that
    has nothing but the description of them. counts: of the images in them.
    """

    source: bytes
    size: int
    sha256: bytes
    footer: bytes
    counts: Counts


class _Kept(msgspec.Struct, frozen=True):
    """recipe: how sections were made; of two that differ nothing is taken over."""

    recipe: bytes
    sections: tuple[Section, ...]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Kept, dec_hook=lambda kind, value: Counter(value))


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


class SectionedView:
    """Writes the view into `target`, an empty file, section by section, from what is left of the view before it."""

    def __init__(self, target: BinaryIO, layout: Layout, schema: Schema) -> None:
        self._target = target
        self._schema = schema
        self._before = layout.view
        self._left = list(_read(layout, schema))
        self._start = 0
        self.sections: list[Section] = []

    def keep(self, source: bytes) -> bool:
        """Take the next section over, if it was made of `source`; return whether it was."""
        if not self._left or self._left[0].source != source or not self._copy(self._left[0]):
            self._left.clear()  # what lies behind it has other places now
            return False
        self.sections.append(self._left.pop(0))
        return True

    def add(self, source: bytes, tables: Iterable[pa.Table], counts: Counts) -> None:
        """Write the next section; `counts` are read when all tables are written."""
        start, described = self._target.tell(), list[Any]()
        sink = pa.PythonFile(_Rest(self._target, start), "w")
        with open_writer(sink, self._schema, described) as writer:
            while (given := sink.tell()) < start:
                sink.write(_NOTHING[: start - given])
            for table in tables:
                writer.write_table(table)
        self._target.seek(-_END_BYTES, 2)
        footer_bytes = int.from_bytes(self._target.read(4), "little")
        end = self._target.seek(-_END_BYTES - footer_bytes, 2)
        self._target.truncate()
        size, digest = end - start, sha256()
        self._target.seek(start)
        for chunk in iter(lambda: self._target.read(_CHUNK_BYTES), b""):
            digest.update(chunk)
        self.sections.append(Section(source, size, digest.digest(), _footer(described[0]), counts))

    def finish(self) -> None:
        """Write the footer of all sections."""
        whole, *others = (pq.read_metadata(pa.BufferReader(section.footer)) for section in self.sections)
        for other in others:
            whole.append_row_groups(other)
        self._target.write(_footer(whole)[_MAGIC_BYTES:])

    def _copy(self, section: Section) -> bool:
        position, digest = self._target.tell(), sha256()
        for chunk in _readable(self._before, self._start, section.size):
            digest.update(chunk)
            self._target.write(chunk)
        if digest.digest() == section.sha256:
            self._start += section.size
            return True
        self._target.seek(position)
        self._target.truncate()
        return False


def remember(layout: Layout, schema: Schema, sections: Sequence[Section]) -> None:
    """Keep what a later view needs to take sections over. Raises OSError."""
    body = _encode(_Kept(_recipe(schema), tuple(sections)))
    layout.store.put(ROW_GROUPS, sha256(body).digest() + body)


def _read(layout: Layout, schema: Schema) -> tuple[Section, ...]:
    """The sections of the view as it was written last; none if nobody knows, or if it has another schema."""
    try:
        text = layout.sections.read_bytes()
        if not layout.view.is_file() or sha256(text[32:]).digest() != text[:32]:
            return ()
        kept = _decoder.decode(text[32:])
    except (OSError, msgspec.DecodeError):
        return ()
    return kept.sections if kept.recipe == _recipe(schema) else ()


def _recipe(schema: Schema) -> bytes:
    """What sections depend on beside their source: another version may count, convert or write in another way."""
    return f"batchgen {__version__}, pyarrow {pa.__version__}\n".encode() + cast(
        "bytes", schema.serialize().to_pybytes()
    )


def _readable(path: Path, start: int, size: int) -> Iterator[bytes]:
    """So many bytes of a file, as far as they can be read."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(min(size, _CHUNK_BYTES)):
            yield chunk
            size -= len(chunk)


def _footer(metadata: Any) -> bytes:
    sink = pa.BufferOutputStream()
    metadata.write_metadata_file(sink)
    return cast("bytes", sink.getvalue().to_pybytes())
