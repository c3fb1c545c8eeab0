"""The Parquet files of a folder, as tools write such folders: what is hidden is none, `key=value` folders are columns.

Names that begin with a dot or an underscore are left out, as Spark, pandas and Arrow do, and what systems put beside
files. Files that are none of these and are no Parquet are named, so that nobody misses their rows unawares.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pyarrow as pa

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem

_SUFFIXES: Final = (".parquet", ".pq", ".parq")
_MAGIC: Final = b"PAR1"
# Of a Synology disk, of Windows, of file systems.
_SYSTEM: Final = frozenset({"@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found"})
_SYSTEM_FILES: Final = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})
# What Hive writes for null.
_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class ParquetFolder:
    """What a folder holds.

    files: in the order of their paths. parts: for each file the values that the names of its folders give, by column;
    columns: the types of these. remarks: on files that are not read.
    """

    files: Sequence[Path]
    parts: Sequence[Mapping[str, pa.Scalar]]
    columns: Mapping[str, pa.DataType]
    remarks: Sequence[Problem]


def list_parquet_folder(folder: Path, name: str) -> ParquetFolder:
    """Find the Parquet files below a folder.

    Raises:
        ManifestError: there is none, or a folder cannot be read.
    """
    files: list[Path] = []
    others: list[Path] = []
    for path in sorted(_visible_files(folder, name)):
        (files if _is_parquet(path) else others).append(path)
    if not files:
        text = "the folder has no .parquet files; give a CSV file, a Parquet file or a folder of Parquet files"
        raise ManifestError([Problem("E009", name, text)])
    texts = [_parts(path.relative_to(folder).parent) for path in files]
    columns = _types(texts)
    parts = [{key: _scalar(text, columns[key]) for key, text in found.items()} for found in texts]
    return ParquetFolder(files, parts, columns, _remarks(name, [path.relative_to(folder) for path in others]))


def _visible_files(folder: Path, name: str) -> Iterable[Path]:
    def refuse(error: OSError) -> None:
        text = f"{error.filename} cannot be read: {error.strerror}"
        raise ManifestError([Problem("E001", name, text)]) from error

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [one for one in folders if not _is_hidden(one) and one.lower() not in _SYSTEM]
        yield from (Path(place, one) for one in files if not _is_hidden(one) and one.lower() not in _SYSTEM_FILES)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~")) or (name.startswith("_") and "=" not in name)


def _is_parquet(path: Path) -> bool:
    """By its name; what has no suffix, as some engines write it, by how it begins."""
    if path.suffix:
        return path.suffix.lower() in _SUFFIXES
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def _parts(folder: Path) -> dict[str, str | None]:
    pairs = (name.split("=", 1) for name in folder.parts if "=" in name)
    return {unquote(key): None if value == _NULL else unquote(value) for key, value in pairs if key}


def _types(texts: Iterable[Mapping[str, str | None]]) -> dict[str, pa.DataType]:
    """Whole numbers where all values of a column are written as such, else text."""
    values: dict[str, set[str]] = {}
    for found in texts:
        for key, text in found.items():
            values.setdefault(key, set()).update({text} if text is not None else ())
    return {
        key: pa.int64() if there and all(map(_WHOLE_NUMBER.fullmatch, there)) else pa.string()
        for key, there in values.items()
    }


def _scalar(text: str | None, kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(text if text is None or pa.types.is_string(kind) else int(text), kind)


def _remarks(name: str, others: Sequence[Path]) -> list[Problem]:
    if not others:
        return []
    shown = ", ".join(map(str, others[:_SHOWN])) + (", ..." if len(others) > _SHOWN else "")
    files = "1 file is" if len(others) == 1 else f"{len(others):,} files are"
    return [Problem("W007", name, f"{files} not read, since no Parquet file is named so: {shown}")]
