"""Where the bytes of a dataset are kept: the protocol of a store, and a local folder as one."""

from batchgen.store.base import Entry, Store
from batchgen.store.local import LocalStore, StoredFile

__all__ = ["Entry", "LocalStore", "Store", "StoredFile"]
