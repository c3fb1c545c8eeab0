"""Where a dataset is, as the user named it: a folder, or a bucket and what the names of its objects begin with."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from batchgen.core.errors import UsageError

# A bucket's place is text: a path would take its two slashes for one.
Place = Path | str
_SCHEME = "s3://"


def as_place(named: str | PathLike[str]) -> Place:
    """Return a place as the user named it, without a slash at its end."""
    return str(named).rstrip("/") if in_bucket(named) else Path(named)


def in_bucket(named: str | PathLike[str]) -> bool:
    """Whether a place is in a bucket."""
    return fspath(named).startswith(_SCHEME)


def bucket_and_prefix(named: str) -> tuple[str, str]:
    """Return the name of the bucket, and what the names of objects begin with. Raises UsageError."""
    bucket, _, prefix = named.removeprefix(_SCHEME).rstrip("/").partition("/")
    if not bucket or not prefix or ".." in prefix.split("/") or "" in prefix.split("/"):
        raise UsageError(f"{named} is no place for a dataset: give a bucket and a prefix, as in s3://bucket/sets/icons")
    return bucket, prefix


def refuse_bucket(named: str | PathLike[str], what: str) -> None:
    """Raise UsageError for a place in a bucket: `what` is done with folders alone."""
    if in_bucket(named):
        raise UsageError(f"{named} is in a bucket, and {what}.")
