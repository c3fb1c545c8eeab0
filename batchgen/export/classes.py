"""Folders of classes: images that lie in a folder for each value of a column, as image classifiers are trained.

A folder has its value's name where every system takes that name. Where not, or where two values would share a folder,
the name is made safe and unique; the column itself keeps the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from batchgen.export.groups import group
from batchgen.export.names import as_file_name
from batchgen.export.source import OpenDataset, Positions

# More than any classifier tells apart; a column of more values is one of something else.
_MAX_CLASSES = 10_000
_NAME_BYTES = 100
# What some system does not take in a name, and what ends a name that is made unique.
_UNSAFE = re.compile(r'[<>:"/\\|?*~\x00-\x1f\x7f]')
# Loaders skip folders that begin with a dot or two underscores, and Windows cuts dots and blanks at the end.
_ENDS = re.compile(r"^(\.|__)[._]*|[. ]$")
# Beside the folders lies the table of the split.
_TABLE = re.compile(r"metadata\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Classes:
    """In which folder each image of an export lies. folders: their names. numbers: which one, at these positions."""

    folders: tuple[str, ...]
    positions: Positions
    numbers: npt.NDArray[np.int64]

    def of(self, positions: Positions) -> Iterator[str]:
        """Yield the folder of each of these images."""
        for number in self.numbers[np.searchsorted(self.positions, positions)]:
            yield self.folders[number]


def classify(source: OpenDataset, positions: Positions, column: str) -> Classes:
    """Return the class of each image at these positions, ascending: what the column says.

    Raises ExportError: there is no such column, an image has no value, or there are too many values.
    """
    values, numbers = group(source, positions, column, f"--class-column {column}", _MAX_CLASSES)
    return Classes(tuple(folder_names(values)), positions, numbers)


def folder_names(values: Sequence[str]) -> list[str]:
    """Return a name of a folder for each value: the value itself where that can be, and always one of its own."""
    names = [_safe(value) for value in values]
    times = Counter(map(str.casefold, names))
    return [
        name
        if times[name.casefold()] == 1 and not _TABLE.match(name)
        else f"{name}~{sha256(value.encode()).hexdigest()[:16]}"
        for name, value in zip(names, values, strict=True)
    ]


def _safe(value: str) -> str:
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", value)).strip()
    return _ENDS.sub("_", as_file_name(name, _NAME_BYTES)) or "_"
