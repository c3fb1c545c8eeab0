"""The writer of a dataset: what it has acknowledged survives Ctrl-C, kill -9 and the loss of power.

For every answer the order is: `received` to the ledger, each image to a temporary name, fsync,
rename, fsync of the folder, `done` to the ledger, group fsync; only then does the request count as
done. When the disk is full, a reserve is given up so that what is in flight can still be saved;
what could not be saved even so is tried once more when the writer closes.

Writing and hashing happen on threads of the writer's own, never on the event loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from batchgen.core.answer import Answer, Image, Ticket, Unusable
from batchgen.core.attempts import Attempts
from batchgen.core.errors import DamagedIndex, DiskError, ProviderError
from batchgen.core.keys import Finder, Keys
from batchgen.core.outcomes import Status
from batchgen.core.request import ImageRequest, RejectedRow
from batchgen.dataset.events.log import EventLog
from batchgen.dataset.guard import refuse_foreign_files
from batchgen.dataset.index.parts import merge
from batchgen.dataset.index.records import (
    IndexRecord,
    Provenance,
    record_of_rejected,
    records_of_answer,
    records_of_attempt,
    records_of_error,
    with_deferred_image,
)
from batchgen.dataset.layout import CONFIG, LOCK, RESERVE, Layout
from batchgen.dataset.publish.view import Shows, write_view
from batchgen.dataset.read import resume_index
from batchgen.dataset.read.deferred import deferred
from batchgen.dataset.read.salvage import only_in_view
from batchgen.dataset.read.space import measure_space
from batchgen.dataset.repair.cost_corrections import as_before
from batchgen.dataset.wal import log
from batchgen.dataset.wal.active_segment import ActiveSegment
from batchgen.dataset.wal.group_commit import Changes, GroupCommit
from batchgen.dataset.wal.images import ImageFiles
from batchgen.dataset.wal.recovery import recover

T = TypeVar("T")


class DatasetWriter:
    """Writes one dataset for one run, holding its lock from construction to `close` or `abandon`.

    provenance: what the run's records share. extra_schema: Arrow schema of the manifest's own columns.
    reserve_bytes: how much room to keep back for a full disk.
    Construction recovers what an earlier run left; `recovered` counts those slots by status. `known` is what the
    index knows of each request, `space` the room that the disk had then.
    Raises NotADataset for a folder with files of others, Locked, DiskError, DamagedIndex, UnknownWal.
    """

    def __init__(self, root: Path, provenance: Provenance, extra_schema: bytes, reserve_bytes: int = 0) -> None:
        self.layout = Layout(root)
        self._provenance = provenance
        self._extra_schema = extra_schema
        with ExitStack() as opened:
            try:
                refuse_foreign_files(self.layout)
                opened.enter_context(self.layout.store.lock(LOCK))
                self.recovered: Counter[Status] = recover(self.layout)
                _refuse_without_index(self.layout)
                self.resume_index = resume_index.load(self.layout)
                self.space = measure_space(self.layout)
                self._reserve = self.layout.store.reserve(RESERVE, reserve_bytes)
                self.events = EventLog(self.layout.events)
                opened.callback(self.events.close)
                self._active = ActiveSegment(self.layout, provenance.run_id, extra_schema)
            except OSError as error:
                raise _refused(error, root) from error
            self._opened = opened.pop_all()
        self._images = ImageFiles(self.layout)
        self._commits = GroupCommit(self._active, self._images, self._reserve)

    def write_config(self, text: bytes) -> None:
        """Keep the configuration of this run beside the dataset. Raises DiskError."""
        try:
            self.layout.store.put(CONFIG, text)
        except OSError as error:
            raise _refused(error, self.layout.root) from error

    def sent(self, request: ImageRequest, attempts: Attempts) -> None:
        """Note that an attempt is about to leave; if nothing more is ever noted, it is in doubt.

        Durable a moment later, without anybody waiting for it. Raises DiskError, also when the disk was full before:
        what room is left is for what is in flight.
        """
        if self._reserve.released_for is not None:
            raise _refused(self._reserve.released_for, self.layout.root)
        self._note(log.Sent(request.fingerprint, records_of_attempt(request, attempts, self._provenance)))
        self._commits.sync_soon()

    def refused(self, request: ImageRequest, error: ProviderError, attempts: Attempts) -> None:
        """Note that an attempt was answered with an error and another may follow. Raises DiskError."""
        records: tuple[IndexRecord, ...] = ()
        if attempts.wasted or attempts.in_doubt_ids:
            records = records_of_error(request, error, attempts, self._provenance)
        self._note(log.Refused(request.fingerprint, records))

    async def received(self, request: ImageRequest, answer: Answer, attempts: Attempts) -> None:
        """Make durable that a request was answered, with the links of its images. Raises DiskError."""

        def make() -> Changes[None]:
            records = records_of_answer(request, answer, attempts, self._provenance)
            return Changes(None, log.Received(request.fingerprint, records))

        await self._commit(make)

    async def save(self, request: ImageRequest, answer: Answer, attempts: Attempts) -> tuple[IndexRecord, ...]:
        """Save the images of an answer and return the request's records, durable. Raises DiskError."""

        def make() -> Changes[tuple[IndexRecord, ...]]:
            records = records_of_answer(request, answer, attempts, self._provenance)
            return self._with_images(records, [slot.image for slot in answer.slots], request)

        return await self._commit(make)

    async def fail(self, request: ImageRequest, error: ProviderError, attempts: Attempts) -> tuple[IndexRecord, ...]:
        """Record that a request failed, or is in doubt, and return its records, durable. Raises DiskError."""
        records = records_of_error(request, error, attempts, self._provenance)
        return await self._commit(lambda: Changes(records, done=[records], request=request))

    def deferred(self) -> list[IndexRecord]:
        """Return the slots of earlier runs that are paid for and wait at a link (`image_url`). Raises DamagedIndex."""
        return deferred(self.layout, self.resume_index, self._extra_schema)

    async def fetched(self, record: IndexRecord, image: Image) -> IndexRecord:
        """Save an image that came late to its slot and return its record, durable. Raises DiskError."""
        records = await self._commit(lambda: self._with_images((with_deferred_image(record, image),), [image]))
        return records[0]

    async def reject(self, rows: Sequence[RejectedRow]) -> None:
        """Record rows that are wrong and were never sent, durable. Raises DiskError."""
        records = [(record_of_rejected(row, self._provenance),) for row in rows]
        await self._commit(lambda: Changes(None, done=records))

    def abandon(self) -> None:
        """Make the ledger durable as far as the disk allows, and write nothing more; the process is about to exit."""
        self._commits.abandon()
        self.events.flush()
        with suppress(OSError):
            self._active.abandon()

    def close(self, gone: Keys | None) -> list[tuple[ImageRequest, tuple[IndexRecord, ...]]]:
        """Seal what is left, merge small parts, write the dataset view and release the lock.

        gone: sorted keys of the requests that the manifest does not ask for any more; the view leaves them out. None,
        where the manifest was not read: what the view showed before stays, beside what this run made. Returns the
        outcomes that the disk had refused, and takes now. Raises DiskError, DamagedIndex.
        """
        with self._opened:
            try:
                self._reserve.remove()
                late = self._commits.close()
                self._active.close()
                self.resume_index = resume_index.ResumeIndex()  # of no use any more, and large
                merge(self.layout)
                shows = as_before(self.layout) if gone is None else _all_but(gone)
                write_view(self.layout, shows, self._provenance.run_id)
                return late
            except OSError as error:
                raise _refused(error, self.layout.root) from error

    def _with_images(
        self,
        records: tuple[IndexRecord, ...],
        came: Sequence[Image | Ticket | Unusable],
        request: ImageRequest | None = None,
    ) -> Changes[tuple[IndexRecord, ...]]:
        """The changes that bring a request to its end; `came` are the images of its first records."""
        named, images = list(records), []
        for number, (record, image) in enumerate(zip(records, came, strict=False)):
            if isinstance(image, Image) and record.file_name is not None:
                name = self._images.free_name(record.file_name, image.data)
                named[number] = replace(record, file_name=name)
                images.append((name, image.data))
        records = tuple(named)
        received = log.Received(records[0].fingerprint, records) if images else None
        return Changes(records, received, images, [records], request)

    def _note(self, entry: log.Unfinished) -> None:
        try:
            self._active.note(entry)
        except OSError as error:
            raise _refused(error, self.layout.root) from error

    async def _commit(self, make: Callable[[], Changes[T]]) -> T:
        try:
            return await self._commits.commit(make)
        except OSError as error:
            raise _refused(error, self.layout.root) from error


def _refuse_without_index(layout: Layout) -> None:
    """A dataset whose index is gone would be bought again from the start."""
    if not layout.parts() and len(only_in_view(layout)):
        repair = f"`batchgen verify {layout.root} --repair` rebuilds it from {layout.view.name}"
        raise DamagedIndex(f"{layout.index} is gone, and with it what was paid for: {repair}.")


def _all_but(gone: Keys) -> Shows:
    finder = Finder(gone)
    return lambda keys: ~finder.contains(keys)


def _refused(error: OSError, root: Path) -> DiskError:
    where = error.filename or root
    return DiskError(
        f"cannot write {where}: {error.strerror or error}. Put that right, then type the same command again."
    )
