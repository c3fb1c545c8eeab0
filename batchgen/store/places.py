"""The store of a place that the user named."""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike, fspath
from pathlib import Path

from batchgen.core.place import bucket_and_prefix, in_bucket
from batchgen.store.base import Store
from batchgen.store.local import LocalStore

# A bucket that is out of reach for longer stops the run; in flight is then only what was bought before.
PATIENCE_S = 600.0


def store_at(place: str | PathLike[str], elsewhere: Collection[str], patience_s: float) -> Store:
    """Return the store of a place; nothing need be there yet.

    Args:
        place: A folder, or `s3://BUCKET/PREFIX`.
        elsewhere: The top folders that may be links to another place.
        patience_s: How long a bucket may be out of reach.

    Raises:
        UsageError: There is no such place, or the extra `s3` is not installed.
    """
    if not in_bucket(place):
        return LocalStore(Path(place), elsewhere)
    from batchgen.store.bucket import BucketStore
    from batchgen.store.bucket_client import BucketClient

    return BucketStore(BucketClient(*bucket_and_prefix(fspath(place)), patience_s))
