"""Every error that batchgen raises for its user, and the exit code that each one is on the command line.

BatchgenError                2    what a user can put right; the base of all others
├── UsageError               2    an option or an argument has a value that it cannot have
├── InputError               2    what the user wrote cannot be used; `problems` lists why
│   ├── ConfigError          2    a setting is wrong
│   ├── CatalogError         2    a model's file is wrong, or a model is unknown
│   └── ManifestError        2    the manifest as a whole cannot be used
├── ApiKeyError              2    the API key is missing or malformed
├── ProviderError            4    the service refused a call, or gave no usable answer
├── DatasetError             4    a dataset cannot be read or written
│   ├── NotADataset          2    the folder holds no dataset
│   ├── Locked               4    another run is writing the dataset
│   ├── DiskError            4    the disk refused a read or a write
│   ├── DamagedIndex         4    a part of the index is lost, or cannot be read
│   └── UnknownFormat        4    another version of batchgen wrote a part of the dataset, or its write-ahead log
└── ExportError              2    an export cannot be made as it was asked for
    └── EmptySelection       5    no image is left to export

The text of an error says what happened, where, and what to do. It never holds an API key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from batchgen.core.exit_codes import ExitCode
from batchgen.core.outcomes import ErrorKind
from batchgen.core.problems import Problem, SettingPlace


class BatchgenError(Exception):
    """A failure that the user can act on; the base of all errors of batchgen.

    Attributes:
        exit_code: with what the command line ends when this error ends a command.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class UsageError(BatchgenError):
    """An option of the command line, or an argument of a call, has a value that it cannot have."""


class InputError(BatchgenError):
    """A manifest, a configuration or a catalog file that cannot be used.

    Attributes:
        problems: all that is wrong with it; the text has one line for each.
    """

    def __init__(self, problems: Iterable[Problem], text: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__(text or "\n".join(map(str, self.problems)))


class ConfigError(InputError):
    """The configuration cannot be used: a setting is unknown or has a wrong value, or the file cannot be read."""


class CatalogError(InputError):
    """A model's file cannot be used, or no catalog file describes the model."""

    def __init__(self, message: str, place: SettingPlace | None = None) -> None:
        """place: who asked for a model that there is not."""
        found = place or SettingPlace("catalog")
        super().__init__((found.problem("E062", line) for line in message.splitlines()), "" if place else message)


class ManifestError(InputError):
    """The manifest as a whole cannot be used, or no row of it."""


class ApiKeyError(BatchgenError):
    """The API key is missing or cannot be a key. The text never quotes it."""


class ProviderError(BatchgenError):
    """A call that gave no usable answer.

    Attributes:
        kind: what went wrong.
        message: the same in the service's words, or in ours.
        http_status: the status of the answer; None if no answer came.
        retry_after_s: how many seconds the service asks to wait; None if it does not say.
        cost_usd: what the call cost all the same; None if the service does not say.
        inference_id: the service's id of the call; None if it gave none.
        body: the answer's bytes that could not be read, to be kept; empty if there were none.
    """

    exit_code = ExitCode.STOPPED

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        cost_usd: float | None = None,
        inference_id: str | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.cost_usd = cost_usd
        self.inference_id = inference_id
        self.body = body

    def but(
        self,
        message: str | None = None,
        *,
        kind: ErrorKind | None = None,
        inference_id: str | None = None,
        body: bytes | None = None,
    ) -> ProviderError:
        """Return the same error with other words, another kind, id or body; None for those that it has."""
        return ProviderError(
            self.kind if kind is None else kind,
            self.message if message is None else message,
            http_status=self.http_status,
            retry_after_s=self.retry_after_s,
            cost_usd=self.cost_usd,
            inference_id=self.inference_id if inference_id is None else inference_id,
            body=self.body if body is None else body,
        )


class DatasetError(BatchgenError):
    """A dataset cannot be read or written."""

    exit_code = ExitCode.STOPPED


class NotADataset(DatasetError):
    """The folder holds no dataset of batchgen."""

    exit_code = ExitCode.USAGE


class Locked(DatasetError):
    """Another run is writing this dataset."""


class DiskError(DatasetError):
    """The disk refused a read or a write; what is on it stays as it is."""


class DamagedIndex(DatasetError):
    """A part of the index is gone, has lost records, or cannot be read; `batchgen verify OUT` says which."""


class UnknownFormat(DatasetError):
    """A part of the dataset, or its write-ahead log, has a format of another version of batchgen."""


class ExportError(BatchgenError):
    """An export cannot be made as it was asked for; nothing was written."""


class EmptySelection(ExportError):
    """No image of the dataset is what was asked for."""

    exit_code = ExitCode.EMPTY
