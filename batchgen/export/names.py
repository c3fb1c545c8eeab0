"""What the copy of an image is called: by its hash, as in the dataset, or by the id of its row.

Every name is a file name on every system, has no dot (which ends a key in a WebDataset), and is unique in the export,
also where a file system takes upper and lower case for the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batchgen.dataset.index.keys import text_keys
from batchgen.export.source import OpenDataset, Positions

# A row of metadata.parquet by column; those that a name is made of are enough.
NameOf = Callable[[dict[str, Any]], str]

_COLUMNS = ["file_name", "row_id", "request_number", "image_number"]
# A name in a tar file has at most 100 bytes, with what makes it unique and the ending.
_ID_BYTES = 60
_UNSAFE = re.compile(r"[^\w-]|^-")
# Names of devices, which Windows lets no file have, whatever its ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
# In no id, once it is made safe: so a name that is made unique is no other row's.
_APART = "~"


class Naming(StrEnum):
    """After what copies are named."""

    HASH = "hash"
    ID = "id"


def naming(by: Naming, source: OpenDataset, positions: Positions) -> NameOf:
    """Return how to name the images at these positions. Raises ExportError if the table is damaged."""
    return key_of if by is Naming.HASH else _ById(_repeated(source, positions))


def key_of(record: dict[str, Any]) -> str:
    """Return an image's own name without dots and slashes: unique in the dataset, and the same in every export."""
    path = PurePosixPath(record["file_name"])
    return "-".join((*path.parts[1:-1], path.stem)).replace(".", "_")


def id_name(record: dict[str, Any]) -> str:
    """Return the row's id, made safe, and numbers for all but the first image of the first request."""
    text = as_file_name(_UNSAFE.sub("_", unicodedata.normalize("NFC", record["row_id"])), _ID_BYTES)
    request, image = record["request_number"], record["image_number"]
    if request:
        return f"{text}-{request}-{image}"
    return f"{text}-{image}" if image else text


def as_file_name(text: str, max_bytes: int) -> str:
    """Return a text of harmless characters as a name that is not too long, and no device on Windows."""
    name = text.encode()[:max_bytes].decode(errors="ignore")
    return f"_{name}" if _DEVICE.fullmatch(name.partition(".")[0]) else name


class _ById:
    """Names an image by its row's id; by its own name besides, where several would get the same name."""

    def __init__(self, repeated: npt.NDArray[np.uint64]) -> None:
        self._repeated = repeated

    def __call__(self, record: dict[str, Any]) -> str:
        name = id_name(record)
        if len(self._repeated) and np.isin(_keys([name]), self._repeated).any():
            return f"{name}{_APART}{key_of(record)}"
        return name


def _repeated(source: OpenDataset, positions: Positions) -> npt.NDArray[np.uint64]:
    """The keys, sorted, of names that more than one image would get."""
    keys = np.empty(len(positions), np.uint64)
    end = 0
    for batch in source.records(positions, _COLUMNS):
        keys[end : end + len(batch)] = _keys([id_name(record) for record in batch.to_pylist()])
        end += len(batch)
    keys.sort()
    return np.unique(keys[1:][keys[1:] == keys[:-1]])


def _keys(names: list[str]) -> npt.NDArray[np.uint64]:
    return text_keys(pa.array([name.casefold() for name in names], pa.string()))
