"""Where the bytes of a dataset are kept: the protocol of a store, and a local folder as one."""

from batchgen.store.base import Entry, Log, Store
from batchgen.store.local import LocalStore
from batchgen.store.stored_file import StoredFile

__all__ = ["Entry", "LocalStore", "Log", "Store", "StoredFile"]
