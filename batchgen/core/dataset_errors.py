"""What can go wrong with a dataset, in words for the person who has to put it right.

DatasetError
├── NotADataset     the folder holds no dataset
├── Locked          another run holds it
├── DiskError       the disk refused a write or a read
├── DamagedIndex    a part of the index cannot be read
└── UnknownLedger   the ledger was written by another version of batchgen
"""

from __future__ import annotations

from batchgen.core.values import BatchgenError


class DatasetError(BatchgenError):
    """A dataset cannot be read or written."""


class NotADataset(DatasetError):
    """The folder holds no dataset of batchgen."""


class Locked(DatasetError):
    """Another run is writing this dataset."""


class DiskError(DatasetError):
    """The disk refused a write or a read; what is there stays as it is."""


class DamagedIndex(DatasetError):
    """A part of the index cannot be read."""


class UnknownLedger(DatasetError):
    """The ledger is whole, but another version of batchgen wrote it."""
