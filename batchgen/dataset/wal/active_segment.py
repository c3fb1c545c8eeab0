"""The tail of the index while a run is going: ledger segments, and the parts they are sealed into.

A segment of some thousand records is sealed into the index part of the same number, once the next
segment, with the unfinished requests carried over, is durable. Parts are sealed in the order of
their segments: one that cannot be written keeps all later ones from being written, so a segment
that is older than the newest part has nothing to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.parts import write_part
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import to_table
from batchgen.dataset.layout import Layout, segment_name
from batchgen.dataset.wal import log
from batchgen.dataset.wal.recovery import outcome
from batchgen.store.appendable import AppendableFile

# Small enough to replay in a blink after a crash, large enough that sealing is rare.
_RECORDS_PER_SEGMENT = 5_000
# A reader holds all parts open at once, and a process may open 1,024 files: from so many on they are merged early.
_MANY_PARTS = 100


class ActiveSegment:
    """Ledger and parts of one run. Safe to use from several threads, also while it seals."""

    def __init__(self, layout: Layout, run_id: str, extra_schema: bytes) -> None:
        self._layout = layout
        self._extra_schema = extra_schema
        self._head = log.Open(run_id, extra_schema)
        self._guard = threading.Lock()
        self._unfinished: dict[str, log.Unfinished] = {}
        self._done: dict[tuple[str, int], IndexRecord] = {}
        self._number = max(layout.parts(), default=0) + 1
        self._segment = self._new_segment(self._number)
        self._sealer = ThreadPoolExecutor(1, "batchgen-seal")
        self._sealed: Future[None] | None = None

    def note(self, *entries: log.Unfinished) -> None:
        """Hand news of requests without outcome to the operating system. Raises OSError.

        An answer stays known here even if the ledger cannot take it; an attempt that it cannot take must not leave.
        """
        with self._guard:
            for entry in entries:
                if not isinstance(entry, log.Sent):
                    self._remember(entry)
            self._segment.append(log.encode(*entries))
            for entry in entries:
                self._remember(entry)

    def settle(self, *requests: Sequence[IndexRecord]) -> AppendableFile:
        """Note that requests have their outcome; return the segment whose sync makes that durable. Raises OSError.

        Every image in the records of `requests` is on disk. May be called again with the same records.
        """
        with self._guard:
            for records in requests:
                self._unfinished.pop(records[0].fingerprint, None)
                self._done.update(((record.fingerprint, record.image_number), record) for record in records)
            segment = self._segment
            segment.append(log.encode(*(log.Done(records[0].fingerprint, tuple(records)) for records in requests)))
            if len(self._done) >= _RECORDS_PER_SEGMENT:
                self._rotate()
        return segment

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
            records = outcome(self._layout.root, entry)
            self._done.update(((record.fingerprint, record.image_number), record) for record in records)
        self._seal(self._number, list(self._done.values()))

    def abandon(self) -> None:
        """Make all that was noted durable and seal nothing more. Raises OSError."""
        self._sealer.shutdown(wait=False, cancel_futures=True)
        self._segment.sync()

    def _remember(self, entry: log.Unfinished) -> None:
        if entry.records:
            self._unfinished[entry.fingerprint] = entry
        else:
            self._unfinished.pop(entry.fingerprint, None)

    def _rotate(self) -> None:
        """Go on in a new segment, if the disk allows one, and seal the old one in the background."""
        number, segment, done, previous = self._number, self._segment, list(self._done.values()), self._sealed
        try:
            self._segment = self._new_segment(number + 1)
        except OSError as error:
            if self._layout.store.exists(segment_name(number + 1)):
                # It may hold what is unfinished now, and would outvote what this segment still learns.
                segment.refuse(error)
            return
        self._number = number + 1
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

    def _new_segment(self, number: int) -> AppendableFile:
        head = log.encode(self._head, *self._unfinished.values())
        return self._layout.store.create_appendable(segment_name(number), head)

    def _seal(self, number: int, done: Sequence[IndexRecord]) -> None:
        if done:
            table = sort_records(to_table(done, self._extra_schema))
            write_part(self._layout, number, iter([table]), table.schema)
        self._layout.store.remove(segment_name(number))
