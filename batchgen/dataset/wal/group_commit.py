"""Group commit: whatever waits for the disk together is written together, and shares every fsync.

For every answer the order is: `received` to the WAL, each image to a temporary name, fsync,
rename, fsync of the folder, `done` to the WAL, fsync of the WAL; only then is it acknowledged.
Where a WAL does not outlive its process until it is synced, it is synced before the images are written, too.
Of a group each step is taken for all before the next one begins. If the disk refuses something, the
group is taken apart, so that only those fail that cannot be saved.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from batchgen.core.request import ImageRequest
from batchgen.core.threads import started_threads
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.wal import log
from batchgen.dataset.wal.active_segment import ActiveSegment, Settlement
from batchgen.dataset.wal.images import ImageFiles
from batchgen.store import disk
from batchgen.store.base import Room

T = TypeVar("T")

# A group is acknowledged as a whole; a longer one would let its first wait for its last.
_GROUP_MAX = 32


@dataclass(frozen=True, slots=True)
class Changes(Generic[T]):
    """What is to be made durable, in this order, and what the caller is told then.

    request: the one whose outcome this is, if it is that of one.
    """

    result: T
    received: log.JobAccepted | log.Received | log.Records | None = None
    images: Sequence[tuple[str, bytes]] = ()
    settled: Sequence[Settlement] = ()
    request: ImageRequest | None = None


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    """make: finds out what is to be changed; called again after a failure. durable: None if nobody waits for it."""

    make: Callable[[], Changes[T]]
    durable: asyncio.Future[T] | None


class GroupCommit:
    """Makes changes durable, in a thread of its own; the caller's event loop stays free."""

    def __init__(self, active: ActiveSegment, images: ImageFiles, reserve: Room) -> None:
        self._active = active
        self._images = images
        self._reserve = reserve
        self._guard = threading.Lock()
        self._waiting: deque[_Waiting[object]] = deque()
        self._busy = False
        self._thread = started_threads(1, "batchgen-write")
        self._failed: list[_Waiting[object]] = []
        self._kept: Counter[str] = Counter()

    @property
    def kept_images(self) -> int:
        """How many images are in the WAL alone, for the next run to save."""
        return self._kept.total()

    async def commit(self, make: Callable[[], Changes[T]]) -> T:
        """Return when all of `make()` is durable; `make` is called in the thread. Raises OSError."""
        durable: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._add(_Waiting(make, durable))
        return await durable

    def sync_soon(self) -> None:
        """Make durable what the segment holds by now, without anybody waiting for it."""
        # Whatever waits takes it along. A disk that fails here fails the next append too, and there it is told.
        if not self._waiting:
            self._add(_Waiting(lambda: Changes(None), None))

    def abandon(self) -> None:
        """Begin nothing more."""
        with self._guard:
            self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def close(self) -> list[tuple[ImageRequest, tuple[IndexRecord, ...]]]:
        """Wait for what is on its way, and try once more what the disk had refused; return the outcomes it took now."""
        self._thread.shutdown()
        late = []
        for waiting in self._failed:
            # If the disk does not take it now either, the WAL may have it; else the index says that it is lost.
            with suppress(OSError):
                changes = waiting.make()
                self._images.write(changes.images)
                for one in changes.settled:
                    # A WAL that failed takes nothing more; the active segment is about to seal what it was told.
                    with suppress(OSError):
                        self._active.settle(one)
                    self._kept.pop(one.entry.key, None)
                    if changes.request is not None:
                        late.append((changes.request, tuple(one.records)))
        return late

    def _add(self, waiting: _Waiting[T]) -> None:
        with self._guard:
            self._waiting.append(waiting)  # type: ignore[arg-type]
            if not self._busy:
                self._busy = True
                self._thread.submit(self._work)

    def _work(self) -> None:
        while group := self._next_group():
            self._settle(group)

    def _next_group(self) -> list[_Waiting[object]]:
        with self._guard:
            group = [self._waiting.popleft() for _ in range(min(_GROUP_MAX, len(self._waiting)))]
            self._busy = bool(group)
        return group

    def _settle(self, group: Sequence[_Waiting[object]]) -> None:
        try:
            results = self._write_with_reserve(group)
        except Exception as error:
            if len(group) > 1:
                for waiting in group:
                    self._settle([waiting])
            else:
                if isinstance(error, OSError):
                    self._failed += group
                    self._keep(group[0])
                _tell(group, [error])
        else:
            _tell(group, results)

    def _keep(self, waiting: _Waiting[object]) -> None:
        """Keep in the WAL the images that cannot be saved, if it takes them."""
        with suppress(OSError):
            changes = waiting.make()
            if changes.received is not None and changes.images:
                self._active.note(changes.received)
                self._active.keep(changes.received.key, changes.images)
                self._kept[changes.received.key] = len(changes.images)

    def _write_with_reserve(self, group: Sequence[_Waiting[object]]) -> list[object]:
        """Write; if the disk is full, give up the reserve and write again, from the start."""
        try:
            return self._write(group)
        except OSError as error:
            if error.errno not in disk.FULL:
                raise
            self._reserve.release(error)
            return self._write(group)

    def _write(self, group: Sequence[_Waiting[object]]) -> list[object]:
        changes = [waiting.make() for waiting in group]
        self._active.note(*(change.received for change in changes if change.received is not None))
        if not self._active.outlives_process:
            self._active.sync()
        self._images.write([image for change in changes for image in change.images])
        self._active.settle(*(one for change in changes for one in change.settled)).sync()
        self._active.sync()
        return [change.result for change in changes]


def _tell(group: Sequence[_Waiting[object]], results: Sequence[object]) -> None:
    """Wake those of a group who wait, in their event loop, all at once; a result that is an exception is raised."""
    waiting = [(one.durable, result) for one, result in zip(group, results, strict=True) if one.durable is not None]

    def wake() -> None:
        for durable, result in waiting:
            if durable.cancelled():
                continue
            if isinstance(result, Exception):
                durable.set_exception(result)
            else:
                durable.set_result(result)

    if waiting:
        waiting[0][0].get_loop().call_soon_threadsafe(wake)
