"""The writer of a dataset: what it has acknowledged survives Ctrl-C, kill -9 and the loss of power.

For every answer the order is: `received` to the WAL, each image to a temporary name, fsync,
rename, fsync of the folder, `done` to the WAL, group fsync; only then does the request count as
done. When the disk is full, a reserve is given up so that what is in flight can still be saved;
what could not be saved even so is tried once more when the writer closes.

Writing and hashing happen on threads of the writer's own, never on the event loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import TypeVar

from batchgen.core.answer import Answer, Image, JobTicket
from batchgen.core.attempts import Attempts
from batchgen.core.errors import ProviderError
from batchgen.core.keys import Keys, Mask
from batchgen.core.labels import LabelSource, LabelUpdates
from batchgen.core.outcomes import Status
from batchgen.core.request import ImageRequest, Prior, RejectedRow
from batchgen.core.resume import RequestState
from batchgen.dataset.events.log import EventLog
from batchgen.dataset.format import take_over
from batchgen.dataset.guard import refuse_foreign_files
from batchgen.dataset.index.alignment import adopt
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.parts_list import list_parts
from batchgen.dataset.index.received import failure, received_answer
from batchgen.dataset.index.records import IndexRecord, Provenance, default_name, slot_numbers, with_deferred_image
from batchgen.dataset.layout import CONFIG, EVENTS, LOCK, RESERVE, WAL, Layout, image_name
from batchgen.dataset.publish.clean_stop import publish
from batchgen.dataset.publish.label_digests import stored_digests
from batchgen.dataset.publish.view_state import compacted_parts
from batchgen.dataset.read import resume_index
from batchgen.dataset.read.completeness import refuse_incomplete
from batchgen.dataset.read.deferred import deferred
from batchgen.dataset.read.known_jobs import known_jobs
from batchgen.dataset.read.space import measure_space
from batchgen.dataset.read.waiting_jobs import WaitingJob, waiting_jobs
from batchgen.dataset.told import told
from batchgen.dataset.unreadable import UnreadableFiles
from batchgen.dataset.wal import log
from batchgen.dataset.wal.active_segment import ActiveSegment, Settlement
from batchgen.dataset.wal.group_commit import Changes, GroupCommit
from batchgen.dataset.wal.images import ImageFiles
from batchgen.dataset.wal.outcomes import records_of
from batchgen.dataset.wal.recovery import recover

T = TypeVar("T")


class DatasetWriter:
    """Writes one dataset for one run, holding its lock from construction to `close` or `abandon`.

    Attributes:
        layout: The dataset's.
        recovered: Slots that an earlier run left in its WAL, by status.
        resume_index: What the index knows of each request.
        space: The room that the disk had at the start.
        events: The log of what the run decides.
        label_digests: What the last clean stop stored of `LabelUpdates.digests`; empty where labels may be stale.
    """

    def __init__(self, layout: Layout, provenance: Provenance, labels: LabelSource, reserve_bytes: int = 0) -> None:
        """Take the dataset over, and recover what an earlier run left.

        Args:
            layout: The dataset's.
            provenance: What the run's records share.
            labels: The labels of the rows that the run sends; asked when records are sealed into the index.
            reserve_bytes: How much room to keep back for a full disk.

        Raises:
            NotADataset: The place holds files of others.
            Locked, DiskError, DamagedIndex, UnknownFormat.
        """
        self.layout = layout
        self._provenance = provenance
        with told(layout), ExitStack() as opened:
            refuse_foreign_files(self.layout)
            self._lock = opened.enter_context(self.layout.store.lock(LOCK, WAL))
            take_over(self.layout)
            refuse_incomplete(self.layout)
            adopt(self.layout)
            self.recovered: Counter[Status] = recover(self.layout)
            list_parts(self.layout)
            self.label_digests = stored_digests(self.layout)
            self.resume_index = resume_index.load(self.layout)
            self.space = measure_space(self.layout)
            self._reserve = self.layout.store.reserve(RESERVE, reserve_bytes)
            self.events = EventLog(self.layout.file(EVENTS))
            opened.callback(self.events.close)
            self._active = ActiveSegment(self.layout, provenance, labels)
            self._opened = opened.pop_all()
        self._images = ImageFiles(self.layout)
        self._unreadable = UnreadableFiles(self.layout)
        self._commits = GroupCommit(self._active, self._images, self._reserve)

    def rehearse(self, requests: int) -> None:
        """Do once all that saving an image takes; `requests` may be in flight. Raises DiskError."""
        with told(self.layout):
            self._images.rehearse(requests)

    @property
    def kept_images(self) -> int:
        """How many images the disk took into the WAL alone, for the next run to save."""
        return self._commits.kept_images

    @property
    def lost(self) -> str:
        """How the dataset was lost to another process, in words for the user; empty while it is held."""
        return self._lock.lost

    def write_config(self, text: bytes) -> None:
        """Keep the configuration of this run beside the dataset. Raises DiskError."""
        with told(self.layout):
            self.layout.store.put(CONFIG, text)

    async def sent(self, request: ImageRequest, attempts: Attempts) -> None:
        """Note that an attempt is about to leave; if nothing more is ever noted, it is in doubt.

        It outlives this process when this returns; a disk makes it durable a moment later. Raises DiskError, also when
        the disk was full before: what room is left is for what is in flight. Raises Locked if another process may hold
        the dataset by now.
        """
        self._lock.confirm()
        with told(self.layout):
            if self._reserve.released_for is not None:
                raise self._reserve.released_for
        self._note(log.AttemptSent(request.fingerprint, attempts, request))
        if self._active.outlives_process:
            self._commits.sync_soon()
            return
        await self._commit(lambda: Changes(None))
        self._lock.confirm()  # that may have taken minutes

    def refused(self, request: ImageRequest, error: ProviderError, attempts: Attempts) -> None:
        """Note that an attempt was answered with an error and another may follow. Raises DiskError."""
        if attempts.wasted or attempts.in_doubt_ids:
            self._note(log.Wasted(request.fingerprint, attempts, failure(error), request))
        else:
            self._note(log.Refused(request.fingerprint))

    async def accepted(self, request: ImageRequest, ticket: JobTicket, attempts: Attempts) -> None:
        """Make durable that the service took a request as a job. Raises DiskError."""
        entry = log.JobAccepted(request.fingerprint, attempts, ticket, request)
        await self._commit(lambda: Changes(None, entry))

    async def received(self, request: ImageRequest, answer: Answer, attempts: Attempts) -> None:
        """Make durable that a request was answered, with the links of its images. Raises DiskError."""

        def make() -> Changes[None]:
            numbers = slot_numbers(request, len(answer.slots))
            received = received_answer(answer, lambda slot, image: default_name(request, numbers[slot], image))
            return Changes(None, log.Received(request.fingerprint, attempts, received, request))

        await self._commit(make)

    async def save(self, request: ImageRequest, answer: Answer, attempts: Attempts) -> tuple[IndexRecord, ...]:
        """Save the images of an answer and return the request's records, durable. Raises DiskError."""

        def make() -> Changes[tuple[IndexRecord, ...]]:
            numbers = slot_numbers(request, len(answer.slots))
            images: list[tuple[str, bytes]] = []
            is_first = attempts.count == 1 and request.prior == Prior()

            def name_of(slot: int, image: Image) -> str:
                default = default_name(request, numbers[slot], image)
                name = self._images.free_name(default, image.data, is_first=is_first)
                images.append((name, image.data))
                return name

            received = received_answer(answer, name_of)
            entry = log.Received(request.fingerprint, attempts, received, request)
            return self._settled(entry, images, request)

        return await self._commit(make)

    async def fail(self, request: ImageRequest, error: ProviderError, attempts: Attempts) -> tuple[IndexRecord, ...]:
        """Record that a request failed, or is in doubt, and return its records, durable. Raises DiskError."""
        entry = log.RequestFailed(request.fingerprint, attempts, failure(error), request)
        return await self._commit(lambda: self._settled(entry, [], request))

    def deferred(self) -> list[IndexRecord]:
        """Return the slots of earlier runs that are paid for and wait at a link (`image_url`). Raises DamagedIndex."""
        return deferred(self.layout, self.resume_index)

    def waiting_jobs(self) -> list[WaitingJob]:
        """Return the jobs of earlier runs that services accepted and nobody has collected. Raises DamagedIndex."""
        return waiting_jobs(self.layout, self.resume_index)

    def known_jobs(self, job_ids: Collection[str]) -> set[str]:
        """Return those jobs of a service that the index or the WAL knows. Raises DamagedIndex."""
        return known_jobs(self.layout, job_ids)

    async def fetched(self, record: IndexRecord, image: Image) -> IndexRecord:
        """Save an image that came late to its slot and return its record, durable. Raises DiskError."""
        finished_at = datetime.now(UTC)

        def make() -> Changes[tuple[IndexRecord, ...]]:
            default = image_name(record.row_number, record.fingerprint, record.image_number, image.extension)
            name = self._images.free_name(default, image.data, is_first=False)
            saved = with_deferred_image(record, image, name, finished_at)
            entry = log.Records(f"{record.fingerprint}-{record.image_number}", (saved,))
            return self._settled(entry, [(name, image.data)])

        (saved,) = await self._commit(make)
        return saved

    async def reject(self, rows: Sequence[RejectedRow]) -> None:
        """Record rows that are wrong and were never sent, durable. Raises DiskError."""
        entries = [log.Rejected(row) for row in rows]
        settled = [Settlement(entry, records_of(entry, self._provenance)) for entry in entries]
        await self._commit(lambda: Changes(None, settled=settled))

    async def keep_unreadable(self, name: str, data: bytes) -> str | None:
        """Keep what was paid for and cannot be read, and return where, durable; None beyond a bound. Raises DiskError.

        name: An attempt id, with what tells its slots apart.
        """

        def make() -> Changes[str | None]:
            kept = self._unreadable.name_for(name, data)
            return Changes(kept, images=[] if kept is None else [(kept, data)])

        return await self._commit(make)

    def abandon(self) -> None:
        """Make the WAL durable as far as the disk allows, and write nothing more; the process is about to exit."""
        self._commits.abandon()
        self.events.flush()
        with suppress(OSError):
            self._active.abandon()

    def close(
        self, gone: Keys | None, updates: LabelUpdates | None = None
    ) -> list[tuple[ImageRequest, tuple[IndexRecord, ...]]]:
        """Seal what is left, merge small parts, write the dataset view and release the lock.

        A dataset that was lost is another process's: what is left stays in the WAL, for the next run to recover.

        Args:
            gone: Sorted keys of the requests that the manifest does not ask for any more; the view leaves them out.
                None where the manifest was not read: what the view showed before stays, beside what this run made.
            updates: The labels that changed since the last clean stop, where the manifest was read.

        Returns:
            The outcomes that the disk had refused, and takes now.

        Raises:
            DiskError, DamagedIndex.
        """
        with self._opened, told(self.layout):
            if self.lost:
                late = self._commits.close()
                self._active.leave()
                return late
            self._reserve.remove()
            late = self._commits.close()
            if self.kept_images:
                self._active.leave()
                return late
            self._active.close()
            compact(self.layout, compacted_parts(self.layout), self._knew)
            self.resume_index = resume_index.ResumeIndex()  # of no use any more, and large
            publish(self.layout, gone, updates, self._provenance.run_id)
            return late

    def _knew(self, keys: Keys) -> Mask:
        """Which requests the index knew before this run."""
        states, _ = self.resume_index.look_up(keys)
        known: Mask = states != RequestState.UNSEEN
        return known

    def _settled(
        self, entry: log.Settling, images: Sequence[tuple[str, bytes]], request: ImageRequest | None = None
    ) -> Changes[tuple[IndexRecord, ...]]:
        """The changes that bring a request to its end."""
        records = records_of(entry, self._provenance)
        received = entry if images and isinstance(entry, log.Received | log.Records) else None
        return Changes(records, received, images, [Settlement(entry, records)], request)

    def _note(self, entry: log.Unfinished | log.Refused) -> None:
        with told(self.layout):
            self._active.forget(entry) if isinstance(entry, log.Refused) else self._active.note(entry)

    async def _commit(self, make: Callable[[], Changes[T]]) -> T:
        with told(self.layout):
            return await self._commits.commit(make)
