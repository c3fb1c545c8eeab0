"""One writer at a time for a dataset in a bucket, without a condition on any PUT, which not all servers know.

Who wants the lock writes an object of its own, and lists then: of two that begin together at least one sees the other.
An object that changes while it is watched, or appears, is that of a process that lives: then the lock is refused, also
to both of them. One that does not change for longer than a holder is ever silent is removed, and so is that of a
process of this machine that is known to be dead. A holder whose object is gone has lost the lock.

This guards money. What the dataset holds is safe without: no process writes over what another has written.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from batchgen.core.errors import Locked
from batchgen.core.threads import no_more_threads
from batchgen.store.bucket_client import BucketClient
from batchgen.store.holder import Holder, Life, decode, encode, this_process

# How often a holder shows that it lives; each is a PUT.
BEAT_S = 5.0
# Who is silent for so long is dead, or asleep: four beats.
WATCH_S = 20.0
_LOOK_S = 1.0
# The tokens of the locks that this process holds.
_held: set[str] = set()
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class BucketLock:
    """Holds a dataset for this process until the block ends: a Hold.

    Args:
        client: Of the bucket.
        folder: Where holders have their objects; it ends in a slash.

    Raises:
        Locked: Another process has it.
        OSError.
    """

    def __init__(self, client: BucketClient, folder: str) -> None:
        self._client = client
        self._folder = folder
        self._holder = this_process()
        self._name = f"{folder}{self._holder.token}.json"
        self._beats = 0
        self._lost = ""
        self._released = threading.Event()
        self._turn = threading.Lock()
        self._looked_at = time.clock_gettime(_CLOCK)
        _held.add(self._holder.token)
        self._heart = threading.Thread(target=self._beat_on, name="batchgen-lock", daemon=True)
        try:
            self._beat()
            self._take()
            self._heart.start()
        except BaseException as error:
            _held.discard(self._holder.token)
            with suppress(OSError):
                client.remove([self._name])
            if isinstance(error, RuntimeError):
                raise no_more_threads(error) from None
            raise

    @property
    def lost(self) -> str:
        """How the lock was lost, in words for the user; empty while it is held."""
        return self._lost

    def confirm(self) -> None:
        """Look whether the lock is still held, unless that was done just now. Raises Locked."""
        if time.clock_gettime(_CLOCK) - self._looked_at > 2 * BEAT_S:
            with suppress(OSError):  # a bucket out of reach takes nothing either
                self._look()
        if self._lost:
            raise Locked(self._lost)

    def release(self) -> None:
        """Let the dataset go."""
        self._released.set()
        self._heart.join()
        _held.discard(self._holder.token)
        with suppress(OSError):  # it names a process that is no more
            self._client.remove([self._name])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def _take(self) -> None:
        others = self._others()
        dead = {name for name in others if self._is_dead(name)}
        watched = {name: etag for name, etag in others.items() if name not in dead}
        if watched:
            self._watch(watched, dead)
        self._client.remove(sorted(others))

    def _watch(self, watched: dict[str, str], dead: set[str]) -> None:
        until, beats_at = time.monotonic() + WATCH_S, time.monotonic() + BEAT_S
        while time.monotonic() < until:
            time.sleep(_LOOK_S)
            if time.monotonic() >= beats_at:  # another may be watching this one
                self._beat()
                beats_at += BEAT_S
            for name, etag in self._others().items():
                if name not in dead and watched.get(name) != etag:
                    raise self._refusal(name)

    def _others(self) -> dict[str, str]:
        return {one.name: one.etag for one in self._client.listed(self._folder) if one.name != self._name}

    def _is_dead(self, name: str) -> bool:
        life = _life_at(self._client, name)
        if life is Life.ALIVE:
            raise self._refusal(name)
        return life is Life.DEAD

    def _refusal(self, name: str) -> Locked:
        holder = _holder_at(self._client, name)
        who = "another process" if holder is None else holder.describe()
        return Locked(f"{self._client} is being written by {who}. Wait for it, stop it, or use another place.")

    def _beat_on(self) -> None:
        while not self._released.wait(BEAT_S):
            with suppress(OSError):
                self._look()
                if not self._lost:
                    self._beat()

    def _beat(self) -> None:
        self._beats += 1
        self._client.put(self._name, encode(self._holder, 0, self._beats))

    def _look(self) -> None:
        with self._turn:
            try:
                self._client.head(self._name)
            except FileNotFoundError:
                if not self._released.is_set():
                    self._lost = self._lost or self._loss()
            self._looked_at = time.clock_gettime(_CLOCK)

    def _loss(self) -> str:
        return (
            f"{self._client}/{self._name} was removed, so that another run could begin: this run sends nothing more "
            "and keeps what it has paid for. To resume, make sure that no other run is writing this dataset, and "
            "repeat the command."
        )


def is_held(client: BucketClient, folder: str) -> bool:
    """Whether a running process holds the lock; of one on another machine that takes some seconds to tell."""
    unknown: dict[str, str] = {}
    for one in client.listed(folder):
        life = _life_at(client, one.name)
        if life is Life.ALIVE:
            return True
        if life is Life.UNKNOWN:
            unknown[one.name] = one.etag
    until = time.monotonic() + WATCH_S / 2
    while unknown and time.monotonic() < until:
        time.sleep(_LOOK_S)
        if any(unknown.get(one.name, one.etag) != one.etag for one in client.listed(folder)):
            return True
    return False


def _life_at(client: BucketClient, name: str) -> Life:
    holder = _holder_at(client, name)
    if holder is None:
        return Life.UNKNOWN
    life = holder.life(0)
    # One that this process could not remove, since the bucket was out of reach.
    is_over = life is Life.ALIVE and holder.pid == os.getpid() and holder.token not in _held
    return Life.DEAD if is_over else life


def _holder_at(client: BucketClient, name: str) -> Holder | None:
    try:
        return decode(client.get(name))
    except FileNotFoundError:
        return None
