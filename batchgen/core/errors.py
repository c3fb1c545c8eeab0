"""What can go wrong, in words for the person who has to put it right."""

from __future__ import annotations

from batchgen.core.outcomes import ErrorKind


class BatchgenError(Exception):
    """A failure the user can act on: its text says what happened, where, and what to do."""


class ProviderError(BatchgenError):
    """A call that gave no usable answer.

    kind: what it was. http_status: None if no answer came. retry_after_s: what the service asked
    for, in seconds. cost_usd: what the service says the call cost all the same, if it says so.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        cost_usd: float | None = None,
        inference_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.cost_usd = cost_usd
        self.inference_id = inference_id


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


class UnknownWal(DatasetError):
    """The ledger is whole, but another version of batchgen wrote it."""
