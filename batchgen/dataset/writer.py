"""The writer of a dataset: what it has acknowledged survives Ctrl-C, kill -9 and the loss of power.

For every answer the order is: `received` to the ledger, each image to a temporary name, fsync,
rename, fsync of the folder, `done` to the ledger, group fsync; only then does the request count as
done. A segment of some thousand records is sealed into the index part of the same number, once the
next segment, with the unfinished requests carried over, is durable.

Writing and hashing happen on threads of the writer's own, never on the event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from batchgen.dataset import disk, ledger, states
from batchgen.dataset.errors import DiskError
from batchgen.dataset.events import EventLog
from batchgen.dataset.layout import Layout
from batchgen.dataset.lock import Lock
from batchgen.dataset.parts import Keys, merge, write_part
from batchgen.dataset.records import (
    IndexRecord,
    Provenance,
    filled_late,
    record_of_rejected,
    records_of_answer,
    records_of_attempt,
    records_of_error,
)
from batchgen.dataset.recovery import recover
from batchgen.dataset.schema import to_table
from batchgen.dataset.unfetched import unfetched
from batchgen.dataset.view import write_view
from batchgen.values import Answer, ApiError, Image, RejectedRow, Request, Status, Trail

T = TypeVar("T")

# fsync waits for the disk, not for the processor: eight at once fill a fast disk (measured: 4 threads 240 to 670
# images a second of 1.5 MB, and no gain beyond 8).
_WRITER_THREADS = 8
# Small enough to replay in a blink after a crash, large enough that sealing is rare.
_RECORDS_PER_SEGMENT = 5_000


class DatasetWriter:
    """Writes one dataset for one run, holding its lock from construction to `close` or `abandon`.

    provenance: what the run's records share. extra_schema: Arrow schema of the manifest's own columns.
    Construction recovers what an earlier run left; `recovered` counts those slots by status.
    Raises Locked, DiskError, DamagedIndex.
    """

    def __init__(self, root: Path, provenance: Provenance, extra_schema: bytes) -> None:
        self.layout = Layout(root)
        self._provenance = provenance
        self._extra_schema = extra_schema
        try:
            for folder in (self.layout.ledger, self.layout.temporary, self.layout.index, self.layout.images):
                disk.make_folder(folder)
            self._lock = Lock(self.layout.lock)
        except OSError as error:
            raise _refused(error, root) from error
        try:
            self.recovered: Counter[Status] = recover(self.layout)
            self.known = states.load(self.layout)
            self.events = EventLog(self.layout.events, provenance.run_id)
            self._number = max(self.layout.parts(), default=0) + 1
            self._segment = self._new_segment({})
        except OSError as error:
            self._lock.release()
            raise _refused(error, root) from error
        except BaseException:
            self._lock.release()
            raise
        self._guard = threading.Lock()
        self._unfinished: dict[str, ledger.Unfinished] = {}
        self._done: list[IndexRecord] = []
        self._replaced: set[int] = set()
        self._writers = ThreadPoolExecutor(_WRITER_THREADS, "batchgen-write")
        self._sealer = ThreadPoolExecutor(1, "batchgen-seal")
        self._sealing: list[Future[None]] = []

    def write_config(self, text: bytes) -> None:
        """Keep the configuration of this run beside the dataset. Raises DiskError."""
        temporary = self.layout.temporary / self.layout.config.name
        try:
            disk.write_file(temporary, text)
            disk.publish(temporary, self.layout.config)
        except OSError as error:
            raise _refused(error, self.layout.root) from error

    def sent(self, request: Request, trail: Trail) -> None:
        """Note that an attempt is about to leave; if nothing more is ever noted, it is in doubt. Raises DiskError."""
        self._note(ledger.Sent(request.fingerprint, records_of_attempt(request, trail, self._provenance)))

    def refused(self, request: Request, error: ApiError, trail: Trail) -> None:
        """Note that an attempt was answered with an error and another may follow. Raises DiskError."""
        records: tuple[IndexRecord, ...] = ()
        if trail.wasted_usd or trail.in_doubt_ids:
            records = records_of_error(request, error, trail, self._provenance)
        self._note(ledger.Refused(request.fingerprint, records))

    async def received(self, request: Request, answer: Answer, trail: Trail) -> None:
        """Make durable that a request was answered, with the links of its images. Raises DiskError."""

        def write() -> None:
            records = records_of_answer(request, answer, trail, self._provenance)
            self._note(ledger.Received(request.fingerprint, records))
            self._segment.sync()

        await self._in_thread(write)

    async def save(self, request: Request, answer: Answer, trail: Trail) -> tuple[IndexRecord, ...]:
        """Save the images of an answer and return the request's records, durable. Raises DiskError."""

        def write() -> tuple[IndexRecord, ...]:
            records = records_of_answer(request, answer, trail, self._provenance)
            images = [returned.image for returned in answer.returned]
            return self._save(records, [image if isinstance(image, Image) else None for image in images])

        return await self._in_thread(write)

    async def give_up(self, request: Request, error: ApiError, trail: Trail) -> tuple[IndexRecord, ...]:
        """Record that a request failed, or is in doubt, and return its records, durable. Raises DiskError."""
        records = records_of_error(request, error, trail, self._provenance)
        return await self._in_thread(lambda: self._save(records, ()))

    def unfetched(self) -> list[IndexRecord]:
        """Return the slots of earlier runs that are paid for and wait at a link (`image_url`)."""
        return unfetched(self.layout, self.known, self._extra_schema)

    async def fetched(self, record: IndexRecord, image: Image) -> IndexRecord:
        """Save an image that came late to its slot and return its record, durable. Raises DiskError."""

        def write() -> IndexRecord:
            return self._save((filled_late(record, image),), [image])[0]

        return await self._in_thread(write)

    async def reject(self, rows: Sequence[RejectedRow]) -> None:
        """Record rows that are wrong and were never sent, durable. Raises DiskError."""

        def write() -> None:
            for row in rows:
                self._settle(record_of_rejected(row, self._provenance))
            self._segment.sync()

        await self._in_thread(write)

    def abandon(self) -> None:
        """Make the ledger durable and write nothing more; for a process that is about to exit."""
        self._writers.shutdown(wait=False, cancel_futures=True)
        self._sealer.shutdown(wait=False, cancel_futures=True)
        self._segment.sync()

    def close(self, current: Keys | None) -> None:
        """Seal what is left, merge small parts, write the dataset view and release the lock.

        current: keys of the requests that the manifest asks for now, sorted; the view shows those and
        what this run made. None shows everything. Raises DiskError.
        """
        try:
            self._writers.shutdown()
            self._sealer.shutdown()
            for sealed in self._sealing:
                sealed.result()
            self._segment.close()
            left = [record for entry in self._unfinished.values() for record in entry.records]
            self._seal(self._number, [*self._done, *left], self._segment.path)
            merge(self.layout, self._replaced)
            write_view(self.layout, current, self._provenance.run_id)
        except OSError as error:
            raise _refused(error, self.layout.root) from error
        finally:
            self.events.close()
            self._lock.release()

    def _save(self, records: tuple[IndexRecord, ...], images: Sequence[Image | None]) -> tuple[IndexRecord, ...]:
        if any(images):
            records = tuple(self._without_collision(record) for record in records)
            self._note(ledger.Received(records[0].fingerprint, records))
            for record, image in zip(records, images, strict=False):
                if image is not None and record.file_name is not None:
                    self._write_image(record.file_name, image.data)
        self._settle(*records).sync()
        return records

    def _settle(self, *records: IndexRecord) -> ledger.Segment:
        """Note that a request has its outcome; return the segment whose sync makes that durable."""
        fingerprint = records[0].fingerprint
        with self._guard:
            segment = self._segment
            segment.append(ledger.Done(fingerprint, records))
            self._unfinished.pop(fingerprint, None)
            self._done.extend(records)
            self._mark_replaced(fingerprint)
            if len(self._done) >= _RECORDS_PER_SEGMENT:
                self._rotate()
        return segment

    def _without_collision(self, record: IndexRecord) -> IndexRecord:
        """Never write over an image: another one under this name gets to stay, and the new one another name."""
        if record.file_name is None:
            return record
        path = self.layout.root / record.file_name
        candidate, count = path, 1
        while candidate.exists():
            candidate = path.with_stem(f"{path.stem}-{(count := count + 1)}")
        return replace(record, file_name=candidate.relative_to(self.layout.root).as_posix())

    def _write_image(self, name: str, data: bytes) -> None:
        final = self.layout.root / name
        temporary = self.layout.temporary / final.name
        disk.write_file(temporary, data)
        disk.make_folder(final.parent)
        disk.publish(temporary, final)

    def _note(self, entry: ledger.Unfinished) -> None:
        try:
            with self._guard:
                self._segment.append(entry)
                if entry.records:
                    self._unfinished[entry.fingerprint] = entry
                else:
                    self._unfinished.pop(entry.fingerprint, None)
        except OSError as error:
            raise _refused(error, self.layout.root) from error

    def _mark_replaced(self, fingerprint: str) -> None:
        part = self.known.part_of(states.key_of(fingerprint))
        if part is not None:
            self._replaced.add(part)

    def _rotate(self) -> None:
        """Go on in a new segment and seal the old one in the background, in order."""
        number, segment, done = self._number, self._segment, self._done
        self._number += 1
        self._segment = self._new_segment(self._unfinished)
        self._done = []

        def seal() -> None:
            segment.sync()
            segment.close()
            self._seal(number, done, segment.path)

        self._sealing = [sealed for sealed in self._sealing if not sealed.done() or sealed.exception()]
        self._sealing.append(self._sealer.submit(seal))

    def _new_segment(self, carried: dict[str, ledger.Unfinished]) -> ledger.Segment:
        head = ledger.Open(self._provenance.run_id, self._extra_schema)
        return ledger.Segment(self.layout.segment(self._number), [head, *carried.values()])

    def _seal(self, number: int, done: Sequence[IndexRecord], segment: Path) -> None:
        if done:
            table = to_table(done, self._extra_schema)
            write_part(self.layout, number, iter([table]), table.schema)
        disk.remove(segment)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writers, work)
        except OSError as error:
            raise _refused(error, self.layout.root) from error


def _refused(error: OSError, root: Path) -> DiskError:
    where = error.filename or root
    return DiskError(f"cannot write {where}: {error.strerror}. Put that right, then type the same command again.")
