"""An S3 bucket as a store: nothing that matters lies on the disk of the machine that writes it.

Objects appear whole, and durable when a PUT is answered. No process writes over what another may have written: what
is numbered has a token in its name (`new_token`), images have their content's. What is one for all, such as the view,
is the lock holder's. Large objects are read through a temporary file, which stays readable when they are removed.
"""

from __future__ import annotations

import errno
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from batchgen.store.base import Buffer, Entry, Stamp
from batchgen.store.bucket_client import BucketClient
from batchgen.store.bucket_lock import BucketLock, is_held
from batchgen.store.bucket_log import SUFFIX, BucketLog, log_of, pieces
from batchgen.store.scratch import ScratchFile
from batchgen.store.temporary import is_temporary

# A PUT waits for the network: so many together fill it.
_AT_ONCE = 16
# What is smaller is read into memory.
_LARGE_BYTES = 16 << 20


class BucketStore:
    """Keeps bytes in the objects of a bucket below a prefix: a Store. Every method raises OSError."""

    def __init__(self, client: BucketClient) -> None:
        self._client = client
        self._threads = ThreadPoolExecutor(_AT_ONCE, "batchgen-put")

    def __str__(self) -> str:
        return str(self._client)

    @property
    def title(self) -> str:
        """The last part of the prefix, or the bucket's name."""
        return str(self).rpartition("/")[2]

    def new_token(self) -> int:
        """Return another each time: an object may be written late, and must be no other's."""
        return secrets.randbelow((1 << 32) - 1) + 1

    def put(self, name: str, data: Buffer) -> None:
        """Keep `data` under `name`, in place of what was there; durable and whole when this returns."""
        self._client.put(name, data)

    def put_many(self, blobs: Sequence[tuple[str, Buffer]]) -> None:
        """Keep many at once, side by side."""
        if len(blobs) == 1:
            self.put(*blobs[0])
            return
        puts = [self._threads.submit(self._client.put, name, data) for name, data in blobs]
        failures = [failure for put in puts if (failure := put.exception()) is not None]
        if failures:
            raise failures[0]

    @contextmanager
    def put_stream(self, name: str) -> Iterator[BinaryIO]:
        """Keep what the block writes; nothing of it if the block raises."""
        with tempfile.TemporaryFile() as file:
            yield cast("BinaryIO", file)
            if file.seek(0, 2) > _LARGE_BYTES:
                self._client.put_file(name, cast("BinaryIO", file))
            else:
                file.seek(0)
                self._client.put(name, file.read())

    def open(self, name: str) -> BufferedReader:
        """Open what is kept under `name` for reading. Raises FileNotFoundError."""
        if name.endswith(SUFFIX) or self._client.head(name).size_bytes <= _LARGE_BYTES:
            return BufferedReader(BytesIO(self.read(name)))
        with tempfile.NamedTemporaryFile() as file:
            self._client.get_into(name, cast("BinaryIO", file))
            file.flush()
            return Path(file.name).open("rb")

    def read(self, name: str) -> bytes:
        """Return all that is kept under `name`. Raises FileNotFoundError."""
        if not name.endswith(SUFFIX):
            return self._client.get(name)
        found = pieces(self._client, name)
        if not found:
            raise FileNotFoundError(errno.ENOENT, "nothing is kept there", self.where(name))
        return b"".join(self._threads.map(self._client.get, found))

    def exists(self, name: str) -> bool:
        """Whether anything is kept under `name`."""
        if name.endswith(SUFFIX):
            return bool(pieces(self._client, name))
        try:
            self._client.head(name)
        except FileNotFoundError:
            return False
        return True

    def is_taken(self, name: str) -> bool:
        """Whether anything is kept under `name`: a bucket has nothing else."""
        return self.exists(name)

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yield what is kept under names that begin with `prefix`; of a log all its pieces as one."""
        folder, _, _ = prefix.rpartition("/")
        logs: dict[str, int] = {}
        for found in self._client.listed(f"{folder}/" if folder else ""):
            if not found.name.startswith(prefix) or is_temporary(found.name.rpartition("/")[2]):
                continue
            if (log := log_of(found.name)) is not None:
                logs[log] = logs.get(log, 0) + found.size_bytes
            else:
                yield Entry(found.name, found.size_bytes)
        yield from (Entry(log, size_bytes) for log, size_bytes in logs.items())

    def remove(self, name: str) -> None:
        """Keep nothing under `name` any more; it is no error if nothing is."""
        names = pieces(self._client, name) if name.endswith(SUFFIX) else [name]
        # A log is read from its start: its end goes first, so that one that is left has no gap.
        self._client.remove(names[::-1])

    def stamp(self, name: str) -> Stamp:
        """Return what tells whether anybody has kept something else under `name` since. Raises FileNotFoundError."""
        found = self._client.head(name)
        return Stamp(found.size_bytes, int.from_bytes(blake2b(found.etag.encode(), digest_size=7).digest()))

    def move(self, name: str, to: str) -> None:
        """Keep under `to` what was kept under `name`, durable when this returns."""
        self.put(to, self.read(name))
        self.remove(name)

    def where(self, name: str) -> str:
        """Say where what is kept under `name` lies, for messages."""
        return f"{self}/{name}"

    @contextmanager
    def as_path(self, name: str) -> Iterator[Path]:
        """Yield the path of a copy. Raises FileNotFoundError."""
        with tempfile.NamedTemporaryFile() as file:
            self._client.get_into(name, cast("BinaryIO", file))
            file.flush()
            yield Path(file.name)

    def create_log(self, name: str, data: bytes) -> BucketLog:
        """Begin a log, whose name nobody else gives."""
        log = BucketLog(self._client, name, 0)
        log.append(data)
        log.sync()
        return log

    def open_log(self, name: str) -> BucketLog:
        """Open a log at its end; only the holder of the lock may."""
        found = pieces(self._client, name)
        return BucketLog(self._client, name, int(found[-1].rpartition("/")[2]) if found else 0)

    def scratch(self, name: str) -> ScratchFile:
        """Return a file of this machine, for this process alone."""
        own = f"batchgen-{secrets.token_hex(8)}-{name.rpartition('/')[2]}"
        return ScratchFile(Path(tempfile.gettempdir()) / own)

    def lock(self, name: str, beside: str) -> BucketLock:
        """Hold the lock of this name. Raises Locked if it is held."""
        del beside
        return BucketLock(self._client, _holders(name))

    def is_held(self, name: str) -> bool:
        """Whether a running process holds a lock; of one on another machine that takes some seconds to tell."""
        return is_held(self._client, _holders(name))

    def reserve(self, name: str, size: int) -> NoReserve:
        """Take up nothing: a bucket is never full."""
        del name, size
        return NoReserve()

    def free_bytes(self) -> None:
        """A bucket has no limit."""

    def free_files(self, prefix: str) -> None:
        """A bucket has no limit."""

    def refuse_place(self) -> None:
        """Any prefix can be a dataset."""

    def has_moved(self) -> bool:
        """Never: a prefix is a name."""
        return False

    def remove_leftovers(self, *names: str) -> None:
        """Remove what a process left that was killed while it tried whether it may write."""
        for folder in {name.partition("/")[0] for name in names if "/" in name}:
            found = self._client.directly_in(folder)
            self._client.remove([name for name in found if is_temporary(name.rpartition("/")[2])])


class NoReserve:
    """No room that is kept back: a Room."""

    def __init__(self) -> None:
        self.released_for: OSError | None = None

    def release(self, error: OSError) -> None:
        """Note the error."""
        self.released_for = self.released_for or error

    def remove(self) -> None:
        """There is nothing to give back."""


def _holders(lock: str) -> str:
    return f"{lock.rpartition('/')[0]}/holders/"
