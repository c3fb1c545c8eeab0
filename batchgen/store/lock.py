"""One writer at a time for a dataset, on one machine or on many.

On one machine the lock is the kernel's (`flock`), which dies with its process. Two machines that share a folder may not
see each other's, and some file systems have none. So the file says who holds it, and the holder shows again and again
that it lives: it counts on in the file, and touches the files that only it writes. A file whose holder is known to be
dead is taken over at once. Where that cannot be known, both are watched for longer than a holder is ever silent,
by their changes and not by anybody's clock. A holder looks as often whether the file is still its own.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from batchgen.core.errors import Locked
from batchgen.core.threads import no_more_threads
from batchgen.store import disk
from batchgen.store.flock import Flock, try_flock
from batchgen.store.holder import Holder, Life, encode, this_process
from batchgen.store.lock_file import create, holder_at, holder_in, is_at, states_of, text_at

# A reader that asks whether the lock is held has it for a moment; a writer holds it for much longer.
_TRIES = 5
_PAUSE_S = 0.05
# How often a holder shows that it lives.
BEAT_S = 2.0
# Who is silent for so long is dead, or asleep: five beats, since a disk may be slow.
WATCH_S = 10.0
_LOOK_S = 0.5
# Of two processes that find the same holder dead in one moment, each has written its name by then.
_SETTLE_S = 2.0
# Counts while the machine sleeps, too, where the system has such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Lock:
    """Holds a dataset for this process until `release`.

    Args:
        path: Of the lock's file, in a folder of the dataset's.
        beside: Returns the files that only the holder writes; a process that changes one of them holds the dataset.

    Raises:
        Locked: Another process has it.
        OSError.
    """

    def __init__(self, path: Path, beside: Callable[[], Iterable[Path]] = tuple) -> None:
        self._path = path
        self._beside = beside
        self._holder = this_process()
        self._beats = 0
        self._lost = ""
        self._descriptor = self._take()
        self._looked_at = time.clock_gettime(_CLOCK)
        self._released = threading.Event()
        self._heart = threading.Thread(target=self._beat_on, name="batchgen-lock", daemon=True)
        try:
            self._heart.start()
        except RuntimeError as error:
            os.close(self._descriptor)
            disk.remove(self._path)
            raise no_more_threads(error) from None

    @property
    def lost(self) -> str:
        """How the lock was lost, in words for the user; empty while it is held."""
        return self._lost

    def confirm(self) -> None:
        """Look whether the lock is still held, unless that was done just now. Raises Locked.

        A process that was stopped for a while knows only by looking what others did meanwhile.
        """
        if time.clock_gettime(_CLOCK) - self._looked_at > 2 * BEAT_S:
            self._look()
        if self._lost:
            raise Locked(self._lost)

    def release(self) -> None:
        """Let the dataset go."""
        self._released.set()
        self._heart.join()
        try:
            if self._is_own():
                disk.remove(self._path)
            elif (holder := holder_in(self._descriptor)) is not None and holder.token == self._holder.token:
                disk.cut(self._descriptor, 0)  # the folder was moved, and the file with it: nobody holds it any more
        except OSError:
            pass  # the file stays, and names a process that is no more
        finally:
            os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def _take(self) -> int:
        """Make the lock's file, or replace that of a dead holder; return its descriptor."""
        while True:
            try:
                return self._make()
            except FileExistsError:
                pass
            try:
                descriptor = disk.open_file(self._path, os.O_RDWR)
            except FileNotFoundError:
                continue  # released meanwhile
            try:
                flock = _flock_patiently(descriptor)
                if flock is Flock.BUSY:
                    raise self._refusal(holder_in(descriptor))
                if is_at(descriptor, self._path):
                    return self._replace(descriptor, flock)
            finally:
                os.close(descriptor)

    def _make(self) -> int:
        """Make the file where there is none: of all machines only one can. Raises FileExistsError."""
        descriptor = create(self._path)
        try:
            _flock_patiently(descriptor)
            self._write(descriptor)
            if any(True for _ in self._beside()):  # somebody may have removed the file of a holder that lives
                self._watch(None)
        except BaseException:
            disk.remove(self._path)
            os.close(descriptor)
            raise
        return descriptor

    def _replace(self, descriptor: int, flock: Flock) -> int:
        """Put a file of our own in the place of one whose holder is dead; it is another file, so that one that wakes up
        late finds that out."""
        holder = holder_in(descriptor)
        life = Life.UNKNOWN if holder is None else holder.life(os.fstat(descriptor).st_ino)
        if life is Life.ALIVE:
            raise self._refusal(holder)
        # A version without token never let a lock pass to another process without the kernel.
        is_dead = life is Life.DEAD or (holder is not None and not holder.token and not any(self._beside()))
        if not is_dead:
            self._watch(holder)
        sole = is_dead and flock is Flock.HELD and _conflicts(self._path)
        temporary = self._path.with_name(f".batchgen-{secrets.token_hex(8)}.tmp")
        own = create(temporary)
        try:
            _flock_patiently(own)
            self._write(own)
            disk.rename(temporary, self._path)
            if not sole:
                self._settle(own)
        except BaseException:
            disk.remove(temporary)
            os.close(own)
            raise
        return own

    def _watch(self, holder: Holder | None) -> None:
        """Wait until a holder would have shown that it lives. Raises Locked if it does."""
        before = self._signs()
        until = time.monotonic() + WATCH_S
        while time.monotonic() < until:
            time.sleep(_LOOK_S)
            if self._signs() != before:
                now = holder_at(self._path)
                raise self._refusal(holder if now is None or now.token == self._holder.token else now)

    def _settle(self, descriptor: int) -> None:
        """Wait until another process that took the lock over in the same moment is seen. Raises Locked."""
        time.sleep(_SETTLE_S)
        if not is_at(descriptor, self._path):
            raise self._refusal(holder_at(self._path))

    def _signs(self) -> tuple[object, ...]:
        """What changes while a holder lives."""
        return (text_at(self._path), frozenset(states_of(self._beside())))

    def _refusal(self, holder: Holder | None) -> Locked:
        out = self._path.parent.parent
        who = "another process" if holder is None else holder.describe()
        return Locked(f"{out} is being written by {who}. Wait for it, stop it, or use another folder.")

    def _beat_on(self) -> None:
        while not self._released.wait(BEAT_S):
            self._look()
            self._beats += 1
            # What is in flight is kept to the end, so the dataset stays this process's also where the file is lost.
            with suppress(OSError):
                for path in self._beside():
                    os.utime(path, follow_symlinks=False)
            with suppress(OSError):
                try_flock(self._descriptor)  # somebody who asked may have had it in the moment when the file was made
                self._write(self._descriptor)

    def _look(self) -> None:
        with suppress(OSError):  # a disk that does not answer takes nothing either
            is_own = self._is_own()
            self._looked_at = time.clock_gettime(_CLOCK)
            if not is_own and not self._lost:
                self._lost = self._loss()

    def _is_own(self) -> bool:
        holder = holder_at(self._path)
        return holder is not None and holder.token == self._holder.token and is_at(self._descriptor, self._path)

    def _loss(self) -> str:
        holder = holder_at(self._path)
        if holder is not None and holder.token != self._holder.token:
            what = f"{self._path} is now held by {holder.describe()}"
        else:
            what = f"{self._path} was removed or changed, so that another run could begin"
        return (
            f"{what}: this run sends nothing more and keeps what it has paid for. "
            "To resume, make sure that no other run is writing this dataset, and repeat the command."
        )

    def _write(self, descriptor: int) -> None:
        os.pwrite(descriptor, encode(self._holder, os.fstat(descriptor).st_ino, self._beats), 0)
        # A network file system keeps what was written to itself for a while.
        getattr(os, "fdatasync", os.fsync)(descriptor)


def is_held(path: Path) -> bool:
    """Whether a running process holds the lock; of one on another machine that takes some seconds to tell."""
    try:
        descriptor = disk.open_file(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        if try_flock(descriptor, shared=True) is Flock.BUSY:
            return True
        holder = holder_in(descriptor)
        life = Life.DEAD if holder is None or not holder.token else holder.life(os.fstat(descriptor).st_ino)
    finally:
        os.close(descriptor)
    return life is Life.ALIVE or (life is Life.UNKNOWN and _beats(path))


def _beats(path: Path) -> bool:
    before = text_at(path)
    for _ in range(round(WATCH_S / 2 / _LOOK_S)):
        time.sleep(_LOOK_S)
        if (text := text_at(path)) != before:
            return bool(text)
    return False


def _flock_patiently(descriptor: int) -> Flock:
    for _ in range(_TRIES):
        flock = try_flock(descriptor)
        if flock is not Flock.BUSY:
            break
        time.sleep(_PAUSE_S)
    return flock


def _conflicts(path: Path) -> bool:
    """Whether a lock that this process holds keeps others out: some file systems give it to everybody."""
    descriptor = disk.open_file(path, os.O_RDONLY)
    try:
        return try_flock(descriptor, shared=True) is Flock.BUSY
    finally:
        os.close(descriptor)
