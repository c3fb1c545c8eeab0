"""The image files that go into an export: read one at a time, checked, and treated if the user asked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from batchgen.core.errors import ExportError
from batchgen.export.names import NameOf, key_of
from batchgen.export.source import OpenDataset

# A row of metadata.parquet by column.
Record = dict[str, Any]
# What is done to an image's bytes on their way out.
Treatment = Callable[[bytes, Record], bytes]


def unchanged(data: bytes, record: Record) -> bytes:
    """Leave an image as it is."""
    del record
    return data


@dataclass(frozen=True, slots=True)
class Images:
    """Reads images of a dataset. name: what each copy is called, without its ending. done: told how many were read."""

    source: OpenDataset
    name: NameOf = key_of
    treat: Treatment = unchanged
    done: Callable[[int], object] = lambda count: None

    def of(self, batch: pa.RecordBatch) -> Iterator[tuple[Record, bytes]]:
        """Yield each row of a batch with its image. Raises ExportError: a file is missing or changed."""
        for record in batch.to_pylist():
            yield record, self.treat(self.read(record), record)
            self.done(1)

    def read(self, record: Record) -> bytes:
        """Return an image as it was received. Raises ExportError: its file is missing or changed."""
        file = self.source.layout.file(record["file_name"])
        try:
            with file.open() as opened:
                data = opened.read()
        except FileNotFoundError:
            raise ExportError(f"{file} is missing. `batchgen verify {self.source.layout.store}` lists all.") from None
        if sha256(data).hexdigest() != record["sha256"]:
            message = f"{file} is not what was received. `batchgen verify {self.source.layout.store}` lists all such."
            raise ExportError(message)
        return data


def extension_of(file_name: str) -> str:
    """Return the ending of an image's file, without the dot."""
    return PurePosixPath(file_name).suffix.removeprefix(".")
