"""The active segment: the WAL while a run goes on, and the parts of the index that it is sealed into.

A segment of some thousand records is sealed into the index part of the same number, once the next segment, with the
unfinished requests carried over, is durable. Parts are sealed in the order of their segments: one that cannot be
written keeps all later ones from being written, so a segment that is older than the newest part has nothing to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from batchgen.core.labels import LabelSource
from batchgen.core.outcomes import Status
from batchgen.core.threads import started_threads
from batchgen.dataset.index.alignment import add_part
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.labels import joined
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.records import IndexRecord, Provenance
from batchgen.dataset.index.schema import to_table
from batchgen.dataset.layout import Layout, place_of, segment_name
from batchgen.dataset.wal import log
from batchgen.dataset.wal.outcomes import records_left
from batchgen.store import Log

# Small enough to replay in a blink after a crash, large enough that sealing is rare.
_RECORDS_PER_SEGMENT = 5_000
# No run writes so many segments after one that it took over.
_OUT_OF_REACH = 100_000
# A reader holds all parts open at once, and a process may open 1,024 files: from so many on they are merged early.
_MANY_PARTS = 100

T = TypeVar("T", bound=log.Unfinished | log.Settling)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A request that has its outcome: the last entry of it, and the records that follow from that."""

    entry: log.Settling
    records: Sequence[IndexRecord]


class ActiveSegment:
    """WAL and parts of one run. Safe to use from several threads, also while it seals."""

    def __init__(self, layout: Layout, provenance: Provenance, labels: LabelSource) -> None:
        self._layout = layout
        self._provenance = provenance
        self._labels = labels
        self._guard = threading.Lock()
        self._unfinished: dict[str, log.Unfinished] = {}
        # The last entry of each unfinished request that this segment has.
        self._written: dict[str, log.Unfinished] = {}
        self._done: dict[tuple[str, int], IndexRecord] = {}
        self._number = layout.next_number()
        self._segment = self._new_segment(self._number)
        self._sealer = started_threads(1, "batchgen-seal")
        self._sealed: Future[None] | None = None
        self._has_images = False  # then it is not sealed: who seals a segment removes it

    @property
    def outlives_process(self) -> bool:
        """Whether what is noted outlives the death of this process before it is durable."""
        return self._segment.outlives_process

    def note(self, *entries: log.Unfinished) -> None:
        """Hand news of requests without outcome to the operating system; every entry says what is asked for.

        An answer, or a job, stays known here even if the WAL cannot take it; an attempt that it cannot take must not
        leave. Raises OSError.
        """
        with self._guard:
            self._unfinished.update((entry.key, entry) for entry in entries if not isinstance(entry, log.AttemptSent))
            self._segment.append(log.encode(*map(self._short, entries)))
            self._unfinished.update((entry.key, entry) for entry in entries)
            self._written.update((entry.key, entry) for entry in entries)

    def forget(self, entry: log.Refused) -> None:
        """Note that a request is pending again. Raises OSError."""
        with self._guard:
            self._unfinished.pop(entry.key, None)
            self._segment.append(log.encode(entry))
            self._written.pop(entry.key, None)

    def settle(self, *settled: Settlement) -> Log:
        """Note that requests have their outcome; return the segment whose sync makes that durable.

        Every image in their records is on disk. May be called again with the same ones. Raises OSError.
        """
        entries: list[log.Entry] = []
        with self._guard:
            for one in settled:
                self._unfinished.pop(one.entry.key, None)
                self._done.update(((record.fingerprint, record.image_number), record) for record in one.records)
                if self._written.get(one.entry.key) is not one.entry:
                    entries.append(self._short(one.entry))
                if isinstance(one.entry, log.Received | log.Records):
                    entries.append(log.Done(one.entry.key))
            segment = self._segment
            segment.append(log.encode(*entries))
            for one in settled:
                self._written.pop(one.entry.key, None)
            if len(self._done) >= _RECORDS_PER_SEGMENT and not self._has_images:
                self._rotate()
        return segment

    def keep(self, key: str, images: Sequence[tuple[str, bytes]]) -> None:
        """Keep images of a request in the WAL itself, durable, until the next run saves them. Raises OSError."""
        with self._guard:
            self._has_images = True
            self._segment.append(log.encode(log.Kept(key, tuple(images))))
            self._segment.sync()

    def sync(self) -> None:
        """Make all that was noted durable. Raises OSError."""
        with self._guard:
            segment = self._segment
        segment.sync()

    def close(self) -> None:
        """Seal what is left; requests without outcome are recorded as what is true of them now. Raises OSError."""
        self._sealer.shutdown()
        self._segment.close()
        if self._sealed is not None:
            self._sealed.result()
        for entry in self._unfinished.values():
            records = records_left(self._layout.store, entry, self._provenance)
            self._done.update(((record.fingerprint, record.image_number), record) for record in records)
        self._seal(self._number, list(self._done.values()))

    def abandon(self) -> None:
        """Make all that was noted durable and seal nothing more. Raises OSError."""
        self._sealer.shutdown(wait=False, cancel_futures=True)
        self._segment.sync()

    def leave(self) -> None:
        """Make all that was noted durable for another run to recover, since the dataset is not ours any more, or since
        the disk takes no images.

        If another run has taken the segment for a dead one's and removed it, the images go into one of their own,
        with a number that is out of its reach. Raises OSError.
        """
        self._sealer.shutdown()
        self._segment.sync()
        if self._segment.is_in_place() or self._layout.store.has_moved():
            return  # a folder that was moved has taken the segment along
        run = self._provenance
        saved = [record for record in self._done.values() if record.status is Status.OK]
        entries: list[log.Entry] = [log.Open(run.run_id, run.manifest, run.version)]
        for record in saved:
            key = f"{record.fingerprint}-{record.image_number}"
            entries += [log.Records(key, (record,)), log.Done(key)]
        layout = self._layout
        taken = map(place_of, (self._number, *layout.segment_names(), *layout.part_names()))
        number = layout.number(max(taken) + _OUT_OF_REACH)
        layout.store.create_log(segment_name(number), log.encode(*entries)).close()

    def _short(self, entry: T) -> T:
        """The entry as it is written: what is asked for stands in the first of a request in a segment."""
        if entry.key not in self._written or isinstance(entry, log.Records | log.Rejected):
            return entry
        return replace(entry, request=None)

    def _rotate(self) -> None:
        """Go on in a new segment, if the disk allows one, and seal the old one in the background."""
        number, segment, done, previous = self._number, self._segment, list(self._done.values()), self._sealed
        following = self._layout.number(place_of(number) + 1)
        try:
            self._segment = self._new_segment(following)
        except OSError as error:
            if self._layout.store.exists(segment_name(following)):
                # It may hold what is unfinished now, and would outvote what this segment still learns.
                segment.refuse(error)
            return
        self._number = following
        self._done = {}

        def seal() -> None:
            if previous is not None:
                previous.result()
            segment.sync()
            segment.close()
            self._seal(number, done)
            if len(self._layout.parts()) >= _MANY_PARTS:
                compact(self._layout)

        self._sealed = self._sealer.submit(seal)

    def _new_segment(self, number: int) -> Log:
        run = self._provenance
        head = log.Open(run.run_id, run.manifest, run.version)
        segment = self._layout.store.create_log(segment_name(number), log.encode(head, *self._unfinished.values()))
        self._written = dict(self._unfinished)
        return segment

    def _seal(self, number: int, done: Sequence[IndexRecord]) -> None:
        if done:
            add_part(self._layout, number, joined(self._layout, sort_records(to_table(done)), self._labels))
        self._layout.store.remove(segment_name(number))
