"""Segments as versions before format 2 wrote them: every entry held whole records."""

from __future__ import annotations

from typing import Any

import msgspec

from batchgen.dataset.index.old_format import OLD_COLUMN, new_fields
from batchgen.dataset.index.records import IndexRecord


class _OldEntry(msgspec.Struct, tag_field="type"):
    """What all entries have in common."""


class _OldOpen(_OldEntry, tag="open"):
    """The head of a segment; all else of it stands in the records."""

    run_id: str
    extra_schema: str


class _OldSent(_OldEntry, tag="sent"):
    fingerprint: str
    records: list[dict[str, Any]]


class _OldRefused(_OldSent, tag="refused"):
    """An attempt gave nothing; no records if the request is pending again."""


class _OldReceived(_OldSent, tag="received"):
    """The answer is known."""


class _OldDone(_OldSent, tag="done"):
    """The request has its outcome."""


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_OldOpen | _OldSent | _OldRefused | _OldReceived | _OldDone)


def old_records(body: bytes) -> tuple[str, tuple[IndexRecord, ...], bool] | None:
    """Read an entry of the old format.

    Returns:
        The fingerprint; the records that are true of the request once their images are safe, none if it is pending
        again; and whether they are safe. None for the head of a segment: all that it says stands in the records.

    Raises:
        msgspec.DecodeError.
    """
    entry = _decoder.decode(body)
    if isinstance(entry, _OldOpen):
        return None
    return entry.fingerprint, tuple(map(_record, entry.records)), isinstance(entry, _OldDone)


def _record(columns: dict[str, Any]) -> IndexRecord:
    request = columns.pop(OLD_COLUMN)
    return msgspec.convert(columns | new_fields(request), IndexRecord)
