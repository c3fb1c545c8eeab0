"""The write-ahead log: what index records are made of, durable while a run goes on.

A segment is a text file of one entry a line, `CRC32 JSON`. A line that does not check is passed over, so damage costs
the request that it is about and no other; an old segment is never appended to. One that checks and says what no entry
says, such as an image's name that leads out of the dataset, is of another version or an enemy: nobody goes on from it.

What is asked for stands in the first entry of a request in a segment, and only there. Entries: `open` heads a segment;
`sent` before an attempt leaves; `accepted` when the service took it as a job, before it is first asked how that is;
`refused` or `wasted` when it gave nothing and another may follow; `received` when the answer is known, before any of
its images is saved; `done` when every image of it is safe; `failed` when the request is
given up; `rejected` for a row that is never sent; `records` for what an earlier run paid for; `kept` holds images that
the disk would not take as files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec

from batchgen import __version__
from batchgen.core.answer import JobTicket
from batchgen.core.attempts import Attempts
from batchgen.core.errors import UnknownFormat
from batchgen.core.request import ImageRequest, RejectedRow
from batchgen.dataset.index.received import Failure, ReceivedAnswer
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.layout import ImageName
from batchgen.dataset.wal.old_format import old_records
from batchgen.store import StoredFile

FORMAT_VERSION = 2


class Open(msgspec.Struct, frozen=True, tag="open"):
    """The head of a segment: what the records of its run share."""

    run_id: str
    manifest: str
    version: str = __version__
    format: int = FORMAT_VERSION


class AttemptSent(msgspec.Struct, frozen=True, tag="sent", omit_defaults=True):
    """An attempt leaves; if nothing more is heard, the request is in doubt."""

    key: str  # the request's fingerprint
    attempts: Attempts
    request: ImageRequest | None = None


class JobAccepted(msgspec.Struct, frozen=True, tag="accepted", omit_defaults=True):
    """The service works on the attempt as a job, and charges for it; until more is heard, it is to be collected."""

    key: str
    attempts: Attempts
    ticket: JobTicket
    request: ImageRequest | None = None


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The attempt was answered and gave nothing; nothing was paid and nothing is in doubt: the request is pending."""

    key: str


class Wasted(msgspec.Struct, frozen=True, tag="wasted", omit_defaults=True):
    """The attempt gave nothing, and of the request something was paid or is in doubt; another attempt may follow."""

    key: str
    attempts: Attempts
    failure: Failure
    request: ImageRequest | None = None


class Received(msgspec.Struct, frozen=True, tag="received", omit_defaults=True):
    """The answer is known and paid for; its images are not all safe yet."""

    key: str
    attempts: Attempts
    answer: ReceivedAnswer
    request: ImageRequest | None = None


class Records(msgspec.Struct, frozen=True, tag="records"):
    """What is true once the images of these records are safe; of a request that an earlier run sent."""

    key: str  # tells these records from others of their request
    records: tuple[IndexRecord, ...]


class RequestFailed(msgspec.Struct, frozen=True, tag="failed", omit_defaults=True):
    """The request is given up: it has its outcome."""

    key: str
    attempts: Attempts
    failure: Failure
    request: ImageRequest | None = None


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """A row is wrong: it has its outcome."""

    row: RejectedRow

    @property
    def key(self) -> str:
        """The fingerprint of the row."""
        return self.row.fingerprint


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """Images that could not be saved under their names: this log was open already, and takes what needs no new file."""

    key: str
    images: tuple[tuple[ImageName, bytes], ...]


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The request has the outcome that its last entry says, and every image of it is on disk."""

    key: str


Unfinished = AttemptSent | JobAccepted | Wasted | Received | Records
Settling = Received | Records | RequestFailed | Rejected
Entry = (
    Open | AttemptSent | JobAccepted | Refused | Wasted | Received | Records | RequestFailed | Rejected | Kept | Done
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(*entries: Entry) -> bytes:
    """Return each entry as one line."""
    bodies = map(_encoder.encode, entries)
    return b"".join(b"%08x %b\n" % (zlib.crc32(body), body) for body in bodies)


def read_segment(file: StoredFile) -> Iterator[Entry]:
    """Yield the entries of a segment, but for lines that are damaged or torn.

    Raises FileNotFoundError if the segment is gone, UnknownFormat if a newer version of batchgen wrote it.
    """
    with file.open() as lines:
        for line in lines:
            body = _checked(line)
            if body is not None:
                yield from _decoded(file, body)


def _decoded(file: StoredFile, body: bytes) -> Iterator[Entry]:
    try:
        entry = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield from _old(file, body, error)
        return
    if isinstance(entry, Open) and entry.format > FORMAT_VERSION:
        raise _unknown(file, ValueError(f"format {entry.format}"))
    yield entry


def _old(file: StoredFile, body: bytes, error: Exception) -> Iterator[Entry]:
    """What an entry of the format before says, in entries of today."""
    try:
        old = old_records(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _unknown(file, error) from error
    if old is not None:
        key, records, is_done = old
        yield Records(key, records) if records else Refused(key)
        if is_done:
            yield Done(key)


def _checked(line: bytes) -> bytes | None:
    checksum, _, body = line.partition(b" ")
    if body.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(body[:-1]):
        return body[:-1]
    return None


def _unknown(file: StoredFile, error: Exception) -> UnknownFormat:
    """Passing over an entry would lose what it says: only the version that wrote it can tell."""
    return UnknownFormat(
        f"{file} was written by another version of batchgen, or by somebody else ({error}). Let that version finish "
        "the run; if there is none, do not trust this dataset."
    )
