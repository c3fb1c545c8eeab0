"""Brings a dataset back into order after a run that did not end cleanly.

What the ledger still holds becomes one index part. A request that was received is done if all its
images are on disk with the right hash; one that was sent and never answered is in doubt. Every
step may be cut short and done again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
from msgspec.structs import replace

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.parts import write_part
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import conform, to_table, unify
from batchgen.dataset.layout import IMAGES, INDEX, OLD_TEMPORARY, STATE, VIEW, Layout
from batchgen.dataset.wal import log


def recover(layout: Layout) -> Counter[Status]:
    """Turn what the ledger holds into a part and clear the ledger; return the rescued slots by status.

    The caller holds the lock. Raises OSError, UnknownWal.
    """
    rescued: Counter[Status] = Counter()
    segments = layout.segment_names()
    unsealed = _unsealed(layout)
    tables = []
    for extra_schema, records in _replay(layout.root, unsealed.values()).items():
        rescued.update(record.status for record in records)
        tables.append(to_table(records, extra_schema))
    if tables:
        schema = unify([table.schema for table in tables])
        table = sort_records(pa.concat_tables(conform(table, schema) for table in tables))
        write_part(layout, max(unsealed), iter([table]), schema)
    old_temporary = [entry.name for entry in layout.store.list(OLD_TEMPORARY)]
    for name in (*segments.values(), *old_temporary):
        layout.store.remove(name)
    layout.store.remove_leftovers(VIEW, IMAGES, INDEX, STATE)
    return rescued


def unsealed_records(layout: Layout) -> list[IndexRecord]:
    """Return what the ledger of a dataset says beyond its parts, without touching anything; for readers.

    Raises FileNotFoundError if a run sealed a segment meanwhile, UnknownWal.
    """
    return [record for records in unsealed_by_schema(layout).values() for record in records]


def unsealed_by_schema(layout: Layout) -> dict[bytes, list[IndexRecord]]:
    """Return the same records by the schema of the manifest's own columns. Raises as `unsealed_records` does."""
    return _replay(layout.root, _unsealed(layout).values())


def in_flight(layout: Layout) -> set[str]:
    """Return the fingerprints of requests that were sent and have no outcome yet, as far as the ledger says.

    While a run goes on these are being drawn, fetched or saved; after it they are in doubt.
    """
    unanswered: set[str] = set()
    for path in _unsealed(layout).values():
        try:
            for entry in log.read_segment(path):
                if isinstance(entry, log.Sent | log.Received):
                    unanswered.add(entry.fingerprint)
                elif not isinstance(entry, log.Open):
                    unanswered.discard(entry.fingerprint)
        except FileNotFoundError:
            continue  # sealed meanwhile: what was unfinished in it stands in the next one
    return unanswered


def outcome(root: Path, entry: log.Unfinished) -> tuple[IndexRecord, ...]:
    """Return what is true of a request that was left unfinished: an image of it may never have reached the disk."""
    if isinstance(entry, log.Received):
        return tuple(_check(root, record) for record in entry.records)
    return entry.records


def lost(record: IndexRecord, reason: str) -> IndexRecord:
    """Return the record of a slot whose image is gone: what was paid stays, the picture has to be asked for again.

    If its link is known it is fetched again, which costs nothing.
    """
    without_file = replace(
        record, file_name=None, width=None, height=None, mime_type=None, size_bytes=None, sha256=None
    )
    if record.image_url is None:
        return replace(without_file, status=Status.IN_DOUBT, error_kind=ErrorKind.LOST, error_message=reason)
    message = f"{reason}; its link is kept"
    return replace(without_file, status=Status.FAILED, error_kind=ErrorKind.NOT_FETCHED, error_message=message)


def _unsealed(layout: Layout) -> dict[int, Path]:
    """The segments whose records are in no part: parts are sealed in order, so a segment up to the newest part's
    number is only still to be removed."""
    newest_part = max(layout.parts(), default=0)
    return {number: path for number, path in layout.segments().items() if number > newest_part}


def _replay(root: Path, segments: Iterable[Path]) -> dict[bytes, list[IndexRecord]]:
    """Replay segments in order; return the final records by the schema of their own columns."""
    done: dict[tuple[str, int], tuple[bytes, IndexRecord]] = {}
    unfinished: dict[str, tuple[bytes, log.Unfinished]] = {}
    extra_schema = b""
    for path in segments:
        for entry in log.read_segment(path):
            match entry:
                case log.Open():
                    extra_schema = entry.extra_schema
                case log.Done():
                    unfinished.pop(entry.fingerprint, None)
                    done.update(_by_slot(extra_schema, entry.records))
                case _:
                    unfinished[entry.fingerprint] = (extra_schema, entry)
    for schema, entry in unfinished.values():
        done.update(_by_slot(schema, outcome(root, entry)))
    by_schema: dict[bytes, list[IndexRecord]] = {}
    for schema, record in done.values():
        by_schema.setdefault(schema, []).append(record)
    return by_schema


def _by_slot(extra_schema: bytes, records: Iterable[IndexRecord]) -> dict[tuple[str, int], tuple[bytes, IndexRecord]]:
    return {(record.fingerprint, record.image_number): (extra_schema, record) for record in records}


def _check(root: Path, record: IndexRecord) -> IndexRecord:
    """A received record as it is true now: its image may have died with the process, in memory."""
    if record.file_name is None:
        return record
    try:
        if sha256((root / record.file_name).read_bytes()).hexdigest() == record.sha256:
            return record
    except FileNotFoundError:
        pass
    return lost(record, "answered and charged, but batchgen ended before this image was on disk")
