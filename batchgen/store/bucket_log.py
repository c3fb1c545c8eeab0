"""A log in a bucket: one object for each sync, numbered in their order, since no object grows.

What was appended is in memory until it is synced. Objects are never written over by others: the name of the log is its
writer's own. One that is repeated has the same bytes.
"""

from __future__ import annotations

import re
import threading

from batchgen.store.bucket_client import BucketClient

# Names of logs end so, and what lies below them are their pieces.
SUFFIX = ".jsonl"
_PIECE = re.compile(r"(.+\.jsonl)/(\d{8})")


def log_of(name: str) -> str | None:
    """Return the name of the log that an object is a piece of; None if it is none."""
    match = _PIECE.fullmatch(name)
    return match[1] if match else None


def pieces(client: BucketClient, log: str) -> list[str]:
    """Return the names of the objects of a log, in the order of their bytes. Raises OSError."""
    return sorted(found.name for found in client.listed(f"{log}/") if log_of(found.name) == log)


class BucketLog:
    """A log that this process writes: a Log. Safe to use from several threads.

    Args:
        client: Of the bucket.
        name: The log's.
        written: How many pieces it has.
    """

    def __init__(self, client: BucketClient, name: str, written: int) -> None:
        self._client = client
        self._name = name
        self._written = written
        self._waiting: list[bytes] = []
        self._appended = 0
        self._synced = 0
        self._syncing = False
        self._failure: OSError | None = None
        self._changed = threading.Condition()

    @property
    def outlives_process(self) -> bool:
        """Never: it is in memory until it is synced."""
        return False

    def append(self, data: bytes) -> None:
        """Take `data` into memory. Raises OSError."""
        with self._changed:
            self._refuse_after_failure()
            if data:  # no object for nothing
                self._waiting.append(data)
                self._appended += 1

    def sync(self) -> None:
        """Return when all that was appended before this call is in the bucket; one PUT serves all who wait.

        Raises OSError; what the bucket holds then is unknown, so every later call fails too.
        """
        with self._changed:
            target = self._appended
            while self._synced < target:
                self._refuse_after_failure()
                if self._syncing:
                    self._changed.wait()
                    continue
                self._sync_once()

    def is_in_place(self) -> bool:
        """Never known: another process may have read what is there by now, and not what comes."""
        return False

    def refuse(self, error: OSError) -> None:
        """Take nothing more: every later `append` raises `error`."""
        with self._changed:
            self._failure = error

    def close(self) -> None:
        """Nothing may be appended or synced afterwards."""

    def _sync_once(self) -> None:
        data, until = b"".join(self._waiting), self._appended
        self._waiting = []
        self._syncing = True
        self._changed.release()
        failure: OSError | None = None
        try:
            self._client.put(f"{self._name}/{self._written + 1:08d}", data)
        except OSError as error:
            failure = error
        finally:
            self._changed.acquire()
            self._syncing = False
            self._failure = self._failure or failure
            self._changed.notify_all()
        if failure is None:
            self._written += 1
            self._synced = until

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise OSError(self._failure.errno, self._failure.strerror, self._failure.filename) from self._failure
