"""The ledger: the durable tail of the index while a run is going.

A segment is a text file of one record a line, `CRC32 JSON`. A line that does not check is passed
over, so damage costs the records it hit alone; an old segment is never appended to.

Record kinds: `open` heads a segment; `sent` before an attempt leaves; `refused` when its answer
settled nothing and another attempt may follow; `received` when the answer is known, before any of
its images is saved; `done` when every image of it is safe.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from batchgen.core.errors import UnknownWal
from batchgen.dataset.index.records import IndexRecord

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


def encode(*records: WalRecord) -> bytes:
    """Return each record as one line."""
    bodies = map(_encoder.encode, records)
    return b"".join(b"%08x %b\n" % (zlib.crc32(body), body) for body in bodies)


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
