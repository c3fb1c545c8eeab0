"""From entries of the WAL to index records: the same function for a run that goes on and for recovery."""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.dataset.index.records import (
    IndexRecord,
    Provenance,
    record_of_rejected,
    records_of_answer,
    records_of_attempt,
    records_of_error,
    records_of_job,
)
from batchgen.dataset.wal import log
from batchgen.store import Store


def records_of(entry: log.Unfinished | log.Settling, provenance: Provenance) -> tuple[IndexRecord, ...]:
    """Return what is true of a request if `entry` is the last of it, and the images that it names are safe.

    The entry says what is asked for.
    """
    if isinstance(entry, log.Records):
        return entry.records
    if isinstance(entry, log.Rejected):
        return (record_of_rejected(entry.row, provenance),)
    if entry.request is None:
        raise ValueError(f"the entry of {entry.key} does not say what is asked for")
    if isinstance(entry, log.AttemptSent):
        return records_of_attempt(entry.request, entry.attempts, provenance)
    if isinstance(entry, log.JobAccepted):
        return records_of_job(entry.request, entry.ticket, entry.attempts, provenance)
    if isinstance(entry, log.Received):
        return records_of_answer(entry.request, entry.answer, entry.attempts, provenance)
    return records_of_error(entry.request, entry.failure, entry.attempts, provenance)


def records_left(store: Store, entry: log.Unfinished, provenance: Provenance) -> tuple[IndexRecord, ...]:
    """Return what is true of a request that was left unfinished: an image of it may never have reached the disk."""
    return tuple(_check(store, record) for record in records_of(entry, provenance))


def lost(record: IndexRecord, reason: str) -> IndexRecord:
    """Return the record of a slot whose image is gone: what was paid stays, the image has to be asked for again.

    If its link is known it is fetched again, which costs nothing.
    """
    without_file = replace(
        record, file_name=None, width=None, height=None, mime_type=None, size_bytes=None, sha256=None
    )
    if record.image_url is None:
        return replace(without_file, status=Status.IN_DOUBT, error_kind=ErrorKind.LOST, error_message=reason)
    message = f"{reason}; its link is kept"
    return replace(without_file, status=Status.FAILED, error_kind=ErrorKind.NOT_FETCHED, error_message=message)


def _check(store: Store, record: IndexRecord) -> IndexRecord:
    """A received record as it is true now: its image may have died with the process, in memory."""
    if record.file_name is None:
        return record
    try:
        if sha256(store.read(record.file_name)).hexdigest() == record.sha256:
            return record
    except FileNotFoundError:
        pass
    return lost(record, "answered and charged, but batchgen ended before this image was on disk")
