"""Asks an S3 bucket, patiently: what fails for want of a server or a network is asked again until it is too late.

A PUT that was cut off may have been done, or may be done later: it is repeated with the same name and the same bytes,
so either is harmless. No condition is put on a PUT, since not all servers know any. Who asks, and where, the
environment says (`AWS_*`), and nothing else does. Of the client's errors only the first line is passed on: the others
may show what was sent.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from batchgen.core.errors import UsageError

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")

# A server that is overloaded gets air, and one that is back is found soon.
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
# Who asks. Without one of them the client would look for a server of the machine's own that knows, and wait for it.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)
# One request, the upload of a large part included.
_TIMEOUT = timedelta(seconds=120)
# What a server refuses it will refuse again, but for what it takes for too slow (408) or too fast (429).
_REFUSED = re.compile(r"status code: 4(?!08|29)\d\d")
_CHUNK_BYTES = 16 << 20
# S3's limit of one DeleteObjects.
_DELETED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a bucket. etag: another one for other bytes."""

    name: str
    size_bytes: int
    etag: str


class BucketClient:
    """The objects of a bucket below a prefix. Safe to use from several threads. Raises OSError.

    Args:
        bucket: Its name.
        prefix: What all names begin with, without a slash at its end; may be empty.
        patience_s: How long a request is repeated.

    Raises:
        UsageError: The extra `s3` is not installed, or the environment names no server that can be asked.
    """

    def __init__(self, bucket: str, prefix: str, patience_s: float) -> None:
        try:
            import obstore
            from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
            from obstore.store import S3Store
        except ModuleNotFoundError:
            raise UsageError("a bucket needs obstore. Install it with: pip install 'batchgen[s3]'") from None
        place = f"s3://{bucket}/{prefix}".rstrip("/")
        if not any(os.environ.get(variable) for variable in _CREDENTIALS):
            raise UsageError(f"{place}: the environment has no credentials; set AWS_ACCESS_KEY_ID and the like.")
        self._obstore = obstore
        self._failures: type[Exception] = BaseError
        self._refusals = (PermissionDeniedError, UnauthenticatedError)
        self._place = place
        self._patience_s = patience_s
        try:
            self._store: S3Store = S3Store(
                bucket,
                prefix=prefix or None,
                # Options that are given stand in for all that the client would read from the environment.
                client_options={"timeout": _TIMEOUT, "allow_http": os.environ.get("AWS_ALLOW_HTTP") == "true"},
                retry_config={"max_retries": 0},
            )
        except BaseError as error:
            raise UsageError(f"{self._place}: {_first_line(error)}") from None

    def __str__(self) -> str:
        return self._place

    def put(self, name: str, data: bytes | bytearray | memoryview) -> None:
        """Keep an object, durable and whole when this returns."""
        self._patiently(name, lambda: self._obstore.put(self._store, name, bytes(data), use_multipart=False))

    def put_file(self, name: str, file: BinaryIO) -> None:
        """Keep what a file holds, from its start, as an object: in pieces, where it is large."""

        def put() -> object:
            file.seek(0)
            return self._obstore.put(self._store, name, file, chunk_size=_CHUNK_BYTES)

        self._patiently(name, put)

    def get(self, name: str) -> bytes:
        """Return all of an object. Raises FileNotFoundError."""
        return self._patiently(name, lambda: bytes(self._obstore.get(self._store, name).bytes()))

    def get_into(self, name: str, file: BinaryIO) -> None:
        """Write all of an object to an empty file. Raises FileNotFoundError."""

        def get() -> None:
            file.seek(0)
            file.truncate()
            for chunk in self._obstore.get(self._store, name):
                file.write(chunk)

        self._patiently(name, get)

    def head(self, name: str) -> StoredObject:
        """Return what is known of an object. Raises FileNotFoundError."""
        found = self._patiently(name, lambda: self._obstore.head(self._store, name))
        return StoredObject(name, found["size"], found["e_tag"] or "")

    def listed(self, folder: str) -> Iterator[StoredObject]:
        """Yield the objects below a folder, a page at a time; an empty one is all of them."""
        offset: str | None = None
        while True:
            page = self._patiently(folder, lambda after=offset: self._page(folder, after))  # type: ignore[misc]
            yield from page
            if not page:
                return
            offset = page[-1].name

    def directly_in(self, folder: str) -> list[str]:
        """Return the names of the objects in a folder, without those of the folders in it."""
        found = self._patiently(folder, lambda: self._obstore.list_with_delimiter(self._store, folder.rstrip("/")))
        return [one["path"] for one in found["objects"]]

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects; it is no error if there are none."""
        for start in range(0, len(names), _DELETED_AT_ONCE):
            some = names[start : start + _DELETED_AT_ONCE]
            self._patiently(some[0], lambda some=some: self._delete(some))  # type: ignore[misc]

    def _delete(self, names: Sequence[str]) -> None:
        with suppress(FileNotFoundError):
            self._obstore.delete(self._store, [*names])

    def _page(self, folder: str, offset: str | None) -> list[StoredObject]:
        stream = self._obstore.list(self._store, folder.rstrip("/") or None, offset=offset, chunk_size=1_000)
        for page in stream:
            return [StoredObject(one["path"], one["size"], one["e_tag"] or "") for one in page]
        return []

    def _patiently(self, name: str, ask: Callable[[], T]) -> T:
        ends_at = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return ask()
            except (self._failures, OSError, ValueError) as error:
                if "NoSuchBucket" in str(error):
                    raise OSError(errno.ENXIO, "there is no such bucket", self._place) from None
                if isinstance(error, FileNotFoundError):
                    raise FileNotFoundError(errno.ENOENT, "nothing is kept there", f"{self._place}/{name}") from None
                if isinstance(error, self._refusals) or _REFUSED.search(str(error)):
                    raise OSError(errno.EACCES, _first_line(error), f"{self._place}/{name}") from None
                if time.monotonic() + pause_s > ends_at:
                    reason = f"out of reach ({_first_line(error)})"
                    raise OSError(errno.EHOSTUNREACH, reason, f"{self._place}/{name}") from None
            time.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
