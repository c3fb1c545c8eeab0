"""The ledger: the durable tail of the index while a run is going.

A segment is a text file of one record a line, `CRC32 JSON`. Appending hands a record to the
operating system at once (a killed process loses nothing); `sync` makes everything appended so far
durable, and one fsync serves all who wait for it. A line that does not check is passed over, so
damage costs the records it hit alone; an old segment is never appended to.

Record kinds: `open` heads a segment; `sent` before an attempt leaves; `refused` when its answer
settled nothing and another attempt may follow; `received` when the answer is known, before any of
its images is saved; `done` when every image of it is safe.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from batchgen.core.errors import UnknownWal
from batchgen.dataset.index.records import IndexRecord
from batchgen.store import disk

FORMAT_VERSION = 1


class Open(msgspec.Struct, frozen=True, tag="open"):
    """The head of a segment. `extra_schema` is the Arrow schema of the records' own columns."""

    run_id: str
    extra_schema: bytes
    format: int = FORMAT_VERSION


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """An attempt leaves. `records` are what is true if nothing more is heard: in doubt."""

    fingerprint: str
    records: tuple[IndexRecord, ...]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The attempt was answered and gave nothing. `records` are what is true if no other attempt follows.

    There are none if nothing was paid and nothing is in doubt: the request is pending again.
    """

    fingerprint: str
    records: tuple[IndexRecord, ...] = ()


class Received(msgspec.Struct, frozen=True, tag="received"):
    """The answer is known and paid for. `records` are what is true once its images are safe."""

    fingerprint: str
    records: tuple[IndexRecord, ...]


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The request has its outcome, and every image in `records` is on disk."""

    fingerprint: str
    records: tuple[IndexRecord, ...]


Unfinished = Sent | Refused | Received
WalRecord = Open | Sent | Refused | Received | Done

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[WalRecord] = msgspec.json.Decoder(WalRecord)


def encode(record: WalRecord) -> bytes:
    """Return the record as one line."""
    body = _encoder.encode(record)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def read_segment(path: Path) -> Iterator[WalRecord]:
    """Yield the records of a segment, but for lines that are damaged or torn.

    Raises FileNotFoundError if the segment is gone, UnknownWal if another version of batchgen wrote it.
    """
    with path.open("rb") as lines:
        for line in lines:
            body = _checked(line)
            if body is None:
                continue
            try:
                yield _decoder.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                # Passing over it would lose what it says: only the version that wrote it can tell.
                message = (
                    f"{path} was written by another version of batchgen ({error}). Let that version finish the run."
                )
                raise UnknownWal(message) from error


def _checked(line: bytes) -> bytes | None:
    checksum, _, body = line.partition(b" ")
    if body.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(body[:-1]):
        return body[:-1]
    return None


class Segment:
    """A segment that is being written. Safe to use from several threads."""

    def __init__(self, path: Path, head: Iterable[WalRecord]) -> None:
        first = b"".join(map(encode, head))
        self.path = path
        self._descriptor = disk.create(path, first)
        self._size = len(first)
        self._synced = self._size
        self._syncing = False
        self._failure: OSError | None = None
        self._changed = threading.Condition()

    def append(self, *records: WalRecord) -> None:
        """Hand records to the operating system, all or none: after a failed write the file is cut back.

        Raises OSError.
        """
        lines = b"".join(map(encode, records))
        with self._changed:
            self._refuse_after_failure()
            try:
                disk.append(self._descriptor, lines)
            except OSError:
                self._cut_back()
                raise
            self._size += len(lines)

    def sync(self) -> None:
        """Return when all that was appended before this call is durable.

        Raises OSError; after a failed fsync what the disk holds is unknown, so every later call fails too.
        """
        with self._changed:
            target = self._size
            while self._synced < target:
                self._refuse_after_failure()
                if self._syncing:
                    self._changed.wait()
                    continue
                self._sync_once()

    def refuse(self, error: OSError) -> None:
        """Take nothing more: whoever appends from now on is told of `error`."""
        with self._changed:
            self._failure = error

    def close(self) -> None:
        """Close the file. Nothing may be appended or synced afterwards."""
        os.close(self._descriptor)

    def _cut_back(self) -> None:
        """The next record must not be glued to a torn one; where that cannot be had, there is no next record."""
        try:
            disk.cut(self._descriptor, self._size)
        except OSError as error:
            self._failure = error

    def _sync_once(self) -> None:
        size = self._size
        self._syncing = True
        self._changed.release()
        failure: OSError | None = None
        try:
            disk.sync(self._descriptor)
        except OSError as error:
            failure = error
        finally:
            self._changed.acquire()
            self._syncing = False
            self._failure = self._failure or failure
            self._changed.notify_all()
        if failure is None:
            self._synced = max(self._synced, size)

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise OSError(self._failure.errno, f"{self.path}: {self._failure.strerror}") from self._failure
