"""A file in which the processes of one machine tell each other what they send at one account.

Records of one size are appended under a lock, and every process reads those of the others once. Old ones are dropped
when the file has grown. What cannot be written or read is passed over: a run must not end for want of it.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from batchgen.store import disk
from batchgen.store.flock import Flock, try_flock, unlock

# Time as seconds since 1970, run, its process, number of the request within the run, images, kind.
_RECORD = struct.Struct("<dIIIHBx")
_HEADER = struct.Struct("<Q")  # how often old records were dropped: then positions in the file mean nothing
_MOST_BYTES = 1 << 20
# No window that a service is known to count is longer, and no request takes longer.
_KEPT_S = 3600.0
_UNUSED_S = 86_400.0
# A process that is stopped (Ctrl-Z) with its turn must not stop the others.
_PATIENCE_S = 1.0
_LOOK_S = 1.0


class _Told(IntEnum):
    LEFT = 0
    ANSWERED = 1
    LOST = 2


@dataclass(frozen=True, slots=True)
class _Open:
    """A request on which the service may be working, until when at most."""

    process: int
    left_at: float
    until: float


class AccountFile:
    """One account's file, and what others told in it (`AccountUse`).

    Args:
        path: Its own for each account.
        linger_s: How long at most a service may work on a request that nobody waits for.
        now: The clock that all processes share.
    """

    def __init__(self, path: Path, linger_s: float, now: Callable[[], float] = time.time) -> None:
        self._linger_s = linger_s
        self._now = now
        self._own = secrets.randbits(32)
        self._number = 0
        self._position = _HEADER.size
        self._dropped = -1
        self._seen_at = 0.0
        self._open: dict[tuple[int, int], _Open] = {}  # of others
        self._own_open: dict[int, float] = {}  # when a request of our own left, by its number
        self._slowest_s: float | None = None  # of the answers that any process told of
        self._lives: dict[int, tuple[float, bool]] = {}
        self._busy_since: float | None = None
        self.news: Sequence[int] = ()
        disk.make_folder(path.parent)
        self._descriptor = disk.open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)

    def earlier(self) -> list[tuple[float, int]]:
        """Return what others have sent by now: seconds ago, and images. The first turn tells what comes after that."""
        now = self._now()
        try:
            return [(max(0.0, now - at), images) for at, images in self._read()]
        except OSError:
            return []

    def take_turn(self) -> AccountFile | None:
        """Return a turn; None while another process has it, unless it has had it for too long."""
        if try_flock(self._descriptor) is Flock.BUSY:
            self._busy_since = self._busy_since or time.monotonic()
            if time.monotonic() - self._busy_since < _PATIENCE_S:
                return None
        self._busy_since = None
        self.news = []
        with suppress(OSError):
            self._cut_torn()
            self.news = [images for _, images in self._read()]
        return self

    def end_turn(self) -> None:
        """Let others have theirs."""
        with suppress(OSError):
            if os.fstat(self._descriptor).st_size > _MOST_BYTES:
                self._drop_old()
        with suppress(OSError):
            unlock(self._descriptor)

    def in_flight(self) -> int:
        """How many requests of others the service may be working on."""
        now = self._now()
        for key in [key for key, one in self._open.items() if now >= self._end_of(one)]:
            del self._open[key]
        return len(self._open)

    def leave(self, images: int) -> int:
        """Tell that a request leaves; return its number."""
        self._number += 1
        self._own_open[self._number] = self._now()
        self._append(self._number, images, _Told.LEFT)
        return self._number

    def ended(self, number: int, *, lost: bool) -> None:
        """Tell that a request has been answered, or that its answer will not be seen."""
        left_at = self._own_open.pop(number)
        if not lost:
            self._note_answer(self._now() - left_at)
        self._append(number, 0, _Told.LOST if lost else _Told.ANSWERED)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _append(self, number: int, images: int, kind: _Told) -> None:
        with suppress(OSError):
            images = min(images, 0xFFFF)
            disk.append(self._descriptor, _RECORD.pack(self._now(), self._own, os.getpid(), number, images, kind))

    def _read(self) -> list[tuple[float, int]]:
        """Read what others told since the last time; return when they sent something, and its images."""
        if not os.fstat(self._descriptor).st_size:
            disk.append(self._descriptor, _HEADER.pack(0))
        (dropped,) = _HEADER.unpack(os.pread(self._descriptor, _HEADER.size, 0))
        again = dropped != self._dropped
        if again:
            self._position, self._dropped = _HEADER.size, dropped
        sent = []
        until = self._seen_at if again else 0.0
        for at, run, process, number, images, kind in self._records():
            if run == self._own or at <= until:
                continue
            self._seen_at = max(self._seen_at, at)
            key = (run, number)
            if kind == _Told.LEFT:
                self._open[key] = _Open(process, at, at + _KEPT_S)
                sent.append((at, images))
            elif kind == _Told.ANSWERED:
                if (answered := self._open.pop(key, None)) is not None:
                    self._note_answer(at - answered.left_at)
            elif key in self._open:
                left_at = self._open[key].left_at
                self._open[key] = _Open(process, left_at, at + min(self._linger_s, at - left_at))
        return sent

    def _cut_torn(self) -> None:
        """Cut off half a record, which a full disk has left: no later one would be read right."""
        size = os.fstat(self._descriptor).st_size
        torn = (size - _HEADER.size) % _RECORD.size if size > _HEADER.size else 0
        if torn:
            disk.cut(self._descriptor, size - torn)

    def _records(self) -> Iterator[tuple[float, int, int, int, int, int]]:
        size = os.fstat(self._descriptor).st_size
        data = os.pread(self._descriptor, max(0, size - self._position), self._position)
        whole = len(data) - len(data) % _RECORD.size
        self._position += whole
        return _RECORD.iter_unpack(data[:whole])

    def _drop_old(self) -> None:
        """Keep what still counts, from the start of the file; the caller has the turn."""
        size = os.fstat(self._descriptor).st_size
        data = os.pread(self._descriptor, size, _HEADER.size)
        newest = self._now() - _KEPT_S
        whole = len(data) - len(data) % _RECORD.size
        kept = [record for record in _RECORD.iter_unpack(data[:whole]) if record[0] >= newest]
        kept = kept[-_MOST_BYTES // (2 * _RECORD.size) :]
        disk.cut(self._descriptor, 0)
        text = _HEADER.pack(self._dropped + 1) + b"".join(_RECORD.pack(*record) for record in kept)
        disk.append(self._descriptor, text)
        self._dropped += 1
        self._position = len(text)

    def _end_of(self, one: _Open) -> float:
        """Until when a request of another process may last: where nobody waits for it, as long as the slowest did."""
        if self._lives_on(one.process):
            return one.until
        slowest_s = self._linger_s if self._slowest_s is None else min(self._slowest_s, self._linger_s)
        return min(one.until, one.left_at + slowest_s)

    def _note_answer(self, took_s: float) -> None:
        self._slowest_s = max(took_s, self._slowest_s or 0.0)

    def _lives_on(self, process: int) -> bool:
        looked_at, is_alive = self._lives.get(process, (0.0, False))
        if time.monotonic() - looked_at >= _LOOK_S:
            try:
                os.kill(process, 0)
                is_alive = True
            except ProcessLookupError:
                is_alive = False
            except OSError:  # it is another user's
                is_alive = True
            self._lives[process] = (time.monotonic(), is_alive)
        return is_alive


def remove_unused(folder: Path) -> None:
    """Remove the files of accounts that nobody has used for a day."""
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                if path.is_file() and time.time() - path.stat().st_mtime > _UNUSED_S:
                    disk.remove(path)
