"""The writer of a dataset: what it has acknowledged survives Ctrl-C, kill -9 and the loss of power.

For every answer the order is: `received` to the ledger, each image to a temporary name, fsync,
rename, fsync of the folder, `done` to the ledger, group fsync; only then does the request count as
done. When the disk is full, a reserve is given up so that what is in flight can still be saved;
what could not be saved even so is tried once more when the writer closes.

Writing and hashing happen on threads of the writer's own, never on the event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from batchgen.dataset import disk, ledger, states
from batchgen.dataset.errors import DamagedIndex, DiskError
from batchgen.dataset.events import EventLog
from batchgen.dataset.images import ImageFiles
from batchgen.dataset.keys import Keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.lock import Lock
from batchgen.dataset.parts import merge
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
from batchgen.dataset.reserve import Reserve
from batchgen.dataset.salvage import only_in_view
from batchgen.dataset.space import measure_space
from batchgen.dataset.tail import Tail
from batchgen.dataset.unfetched import unfetched
from batchgen.dataset.view import write_view
from batchgen.values import Answer, ApiError, Image, RejectedRow, Request, Status, Trail

T = TypeVar("T")

# fsync waits for the disk, not for the processor: eight at once fill a fast disk (measured: 4 threads 240 to 670
# images a second of 1.5 MB, and no gain beyond 8).
_WRITER_THREADS = 8


class DatasetWriter:
    """Writes one dataset for one run, holding its lock from construction to `close` or `abandon`.

    provenance: what the run's records share. extra_schema: Arrow schema of the manifest's own columns.
    reserve_bytes: how much room to keep back for a full disk.
    Construction recovers what an earlier run left; `recovered` counts those slots by status. `known` is what the
    index knows of each request, `space` the room that the disk had then.
    Raises Locked, DiskError, DamagedIndex, UnknownLedger.
    """

    def __init__(self, root: Path, provenance: Provenance, extra_schema: bytes, reserve_bytes: int = 0) -> None:
        self.layout = Layout(root)
        self._provenance = provenance
        self._extra_schema = extra_schema
        with ExitStack() as opened:
            try:
                for folder in (self.layout.ledger, self.layout.temporary, self.layout.index, self.layout.images):
                    disk.make_folder(folder)
                self._lock = opened.enter_context(Lock(self.layout.lock))
                self.recovered: Counter[Status] = recover(self.layout)
                _refuse_without_index(self.layout)
                self.known = states.load(self.layout)
                self.space = measure_space(self.layout)
                self._reserve = Reserve(self.layout.reserve, reserve_bytes)
                self.events = EventLog(self.layout.events, provenance.run_id)
                opened.callback(self.events.close)
                self._tail = Tail(self.layout, provenance.run_id, extra_schema)
            except OSError as error:
                raise _refused(error, root) from error
            self._opened = opened.pop_all()
        self._images = ImageFiles(self.layout)
        self._threads = ThreadPoolExecutor(_WRITER_THREADS, "batchgen-write")
        self._unsaved: list[Callable[[], object]] = []
        self._sync_due = threading.Event()

    def write_config(self, text: bytes) -> None:
        """Keep the configuration of this run beside the dataset. Raises DiskError."""
        temporary = self.layout.temporary / self.layout.config.name
        try:
            disk.write_file(temporary, text)
            disk.publish(temporary, self.layout.config)
        except OSError as error:
            raise _refused(error, self.layout.root) from error

    def sent(self, request: Request, trail: Trail) -> None:
        """Note that an attempt is about to leave; if nothing more is ever noted, it is in doubt.

        Durable a moment later, without anybody waiting for it. Raises DiskError, also when the disk was full before:
        what room is left is for what is in flight.
        """
        if self._reserve.given_up_for is not None:
            raise _refused(self._reserve.given_up_for, self.layout.root)
        self._note(ledger.Sent(request.fingerprint, records_of_attempt(request, trail, self._provenance)))
        if not self._sync_due.is_set():
            self._sync_due.set()
            self._threads.submit(self._sync_soon)

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
            self._persist(lambda: self._tail.note(ledger.Received(request.fingerprint, records)))
            self._tail.sync()

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
        """Return the slots of earlier runs that are paid for and wait at a link (`image_url`). Raises DamagedIndex."""
        return unfetched(self.layout, self.known, self._extra_schema)

    async def fetched(self, record: IndexRecord, image: Image) -> IndexRecord:
        """Save an image that came late to its slot and return its record, durable. Raises DiskError."""

        def write() -> IndexRecord:
            return self._save((filled_late(record, image),), [image])[0]

        return await self._in_thread(write)

    async def reject(self, rows: Sequence[RejectedRow]) -> None:
        """Record rows that are wrong and were never sent, durable. Raises DiskError."""

        def write() -> None:
            records = [record_of_rejected(row, self._provenance) for row in rows]
            for segment in {self._persist(partial(self._tail.settle, [record])) for record in records}:
                segment.sync()

        await self._in_thread(write)

    def abandon(self) -> None:
        """Make the ledger durable as far as the disk allows, and write nothing more; the process is about to exit."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with suppress(OSError):
            self._tail.abandon()

    def close(self, current: Keys | None) -> None:
        """Seal what is left, merge small parts, write the dataset view and release the lock.

        current: keys of the requests that the manifest asks for now, sorted; the view shows those and
        what this run made. None shows everything. Raises DiskError, DamagedIndex.
        """
        with self._opened:
            self._threads.shutdown()
            try:
                self._reserve.remove()
                for work in self._unsaved:
                    # If the disk does not take it now either, the index says that it was paid for and lost.
                    with suppress(OSError):
                        work()
                self._tail.close()
                merge(self.layout)
                write_view(self.layout, current, self._provenance.run_id)
            except OSError as error:
                raise _refused(error, self.layout.root) from error

    def _save(self, records: tuple[IndexRecord, ...], images: Sequence[Image | None]) -> tuple[IndexRecord, ...]:
        """Take a request to its end on disk; may be done again, from the start, after it failed."""
        if any(images):
            pictures = [*images, *[None] * (len(records) - len(images))]
            records = tuple(map(self._named, records, pictures))
            self._persist(lambda: self._tail.note(ledger.Received(records[0].fingerprint, records)))
            for record, image in zip(records, pictures, strict=True):
                if image is not None and record.file_name is not None:
                    self._persist(partial(self._images.write, record.file_name, image.data))
        self._persist(lambda: self._tail.settle(records)).sync()
        return records

    def _named(self, record: IndexRecord, image: Image | None) -> IndexRecord:
        if image is None or record.file_name is None:
            return record
        return replace(record, file_name=self._images.free_name(record.file_name, image.data))

    def _persist(self, step: Callable[[], T]) -> T:
        """Do something on the disk; if that is full, give up the reserve and do it again."""
        try:
            return step()
        except OSError as error:
            if error.errno not in disk.FULL:
                raise
            self._reserve.give_up(error)
            return step()

    def _note(self, entry: ledger.Unfinished) -> None:
        try:
            self._tail.note(entry)
        except OSError as error:
            raise _refused(error, self.layout.root) from error

    def _sync_soon(self) -> None:
        self._sync_due.clear()
        # A disk that fails here fails the next append too, and there it is told.
        with suppress(OSError):
            self._tail.sync()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except OSError as error:
            self._unsaved.append(work)
            raise _refused(error, self.layout.root) from error


def _refuse_without_index(layout: Layout) -> None:
    """A dataset whose index is gone would be bought again from the start."""
    if not layout.parts() and len(only_in_view(layout)):
        repair = f"`batchgen verify {layout.root} --repair` rebuilds it from {layout.view.name}"
        raise DamagedIndex(f"{layout.index} is gone, and with it what was paid for: {repair}.")


def _refused(error: OSError, root: Path) -> DiskError:
    where = error.filename or root
    return DiskError(f"cannot write {where}: {error.strerror}. Put that right, then type the same command again.")
