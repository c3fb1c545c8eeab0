"""Brings a dataset back into order after a run that did not end cleanly.

What the WAL still holds becomes one index part. A request that was received is done if all its
images are on disk with the right hash; one that was sent and never answered is in doubt; one that
was accepted as a job is to be collected. Every
step may be cut short and done again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from batchgen.core.outcomes import Status
from batchgen.dataset.index.alignment import add_part
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.records import IndexRecord, Provenance
from batchgen.dataset.index.schema import to_table
from batchgen.dataset.layout import IMAGES, INDEX, STATE, VIEW, Layout, place_of
from batchgen.dataset.wal import log
from batchgen.dataset.wal.outcomes import records_left, records_of
from batchgen.store import StoredFile

T = TypeVar("T", bound=log.AttemptSent | log.JobAccepted | log.Wasted | log.Received | log.RequestFailed)


def recover(layout: Layout) -> Counter[Status]:
    """Turn what the WAL holds into a part and clear the WAL; return the rescued slots by status.

    The caller holds the lock. Raises OSError, UnknownFormat.
    """
    segments, unsealed = layout.segment_names(), _unsealed(layout)
    _save_kept(layout, unsealed.values())
    records = _replay(layout, unsealed.values())
    if records:
        add_part(layout, layout.number(max(map(place_of, unsealed))), sort_records(to_table(records)))
    for name in (*segments.values(), *layout.old_temporary_names()):
        layout.store.remove(name)
    layout.store.remove_leftovers(VIEW, IMAGES, INDEX, STATE)
    return Counter(record.status for record in records)


def _save_kept(layout: Layout, segments: Iterable[StoredFile]) -> None:
    """Save the images that a run could only keep in its WAL."""
    for file in segments:
        for entry in log.read_segment(file):
            if isinstance(entry, log.Kept):
                layout.store.put_many([image for image in entry.images if not layout.store.exists(image[0])])


def unsealed_records(layout: Layout) -> list[IndexRecord]:
    """Return what the WAL of a dataset says beyond its parts, without touching anything; for readers.

    Raises FileNotFoundError if a run sealed a segment meanwhile, UnknownFormat.
    """
    return _replay(layout, _unsealed(layout).values())


def in_flight(layout: Layout) -> set[str]:
    """Return the fingerprints of requests that were sent and have no outcome yet, as far as the WAL says.

    While a run goes on these are being made, fetched or saved; after it they are in doubt.
    """
    unanswered: dict[str, str] = {}
    for file in _unsealed(layout).values():
        try:
            for entry in log.read_segment(file):
                if isinstance(entry, log.AttemptSent | log.JobAccepted | log.Received):
                    unanswered[entry.key] = entry.key
                elif isinstance(entry, log.Records):
                    unanswered[entry.key] = entry.records[0].fingerprint
                elif not isinstance(entry, log.Open | log.Kept):
                    unanswered.pop(entry.key, None)
        except FileNotFoundError:
            continue  # sealed meanwhile: what was unfinished in it stands in the next one
    return {*unanswered.values()}


def _unsealed(layout: Layout) -> dict[int, StoredFile]:
    """The segments whose records are in no part: parts are sealed in order, so a segment up to the newest part's
    number is only still to be removed."""
    newest_part = max(map(place_of, layout.parts()), default=0)
    return {number: file for number, file in layout.segments().items() if place_of(number) > newest_part}


def _replay(layout: Layout, segments: Iterable[StoredFile]) -> list[IndexRecord]:
    """Replay segments in order; return the final records."""
    replay = _Replay()
    for file in segments:
        for entry in log.read_segment(file):
            replay.take(entry)
    for entry, run in replay.unfinished.values():
        replay.put(records_left(layout.store, entry, run))
    return [*replay.done.values()]


class _Replay:
    """What entries of the WAL say together."""

    def __init__(self) -> None:
        self.done: dict[tuple[str, int], IndexRecord] = {}
        self.unfinished: dict[str, tuple[log.Unfinished, Provenance]] = {}
        self._run = Provenance("", "")  # of a segment whose head is damaged

    def take(self, entry: log.Entry) -> None:
        """Take the next entry."""
        match entry:
            case log.Open():
                self._run = Provenance(entry.run_id, entry.manifest, entry.version)
            case log.Rejected():
                self.unfinished.pop(entry.key, None)
                self.put(records_of(entry, self._run))
            case log.Kept():
                pass  # what becomes of the request, its other entries say
            case log.Refused():
                self.unfinished.pop(entry.key, None)
            case log.Done():
                if entry.key in self.unfinished:
                    self.put(records_of(*self.unfinished.pop(entry.key)))
            case log.RequestFailed():
                if (whole := self._whole(entry)) is not None:
                    self.put(records_of(whole, self._run))
                self.unfinished.pop(entry.key, None)
            case log.Records():
                self.unfinished[entry.key] = (entry, self._run)
            case _:
                if (unfinished := self._whole(entry)) is not None:
                    self.unfinished[entry.key] = (unfinished, self._run)

    def put(self, records: Iterable[IndexRecord]) -> None:
        """Note records that are final."""
        self.done.update(((record.fingerprint, record.image_number), record) for record in records)

    def _whole(self, entry: T) -> T | None:
        """The entry with what is asked for, which the request's first one says; None if that one is damaged."""
        if entry.request is not None:
            return entry
        before = self.unfinished.get(entry.key)
        if before is None or isinstance(before[0], log.Records):
            return None
        return replace(entry, request=before[0].request)
