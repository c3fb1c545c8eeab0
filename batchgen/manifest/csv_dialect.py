"""How a CSV file is written: in which encoding, and with what between its cells. Told from its first megabyte.

Spreadsheets write what the country of their user expects. That is read where it cannot be mistaken, with a remark.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem

_START_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 16

# What other programs write first, and what to do about it.
_FOREIGN_STARTS: Final = (
    (b"PAR1", "the content is Parquet; let the name end in .parquet"),
    (
        b"PK\x03\x04",
        "the content is a spreadsheet or a zip archive; let the name end in .xlsx, or save the table as CSV",
    ),
    (b'{"', "the content is JSON; let the name end in .jsonl or .json"),
    (b"[{", "the content is JSON; let the name end in .json"),
    (b"\x1f\x8b", "the content is gzipped; let the name end in .gz"),
)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NAMES: Final = {"utf-16": "UTF-16", "cp1252": "Windows-1252"}
# What stands between the cells of some file, in the order in which it is tried.
_DELIMITERS: Final = (",", ";", "\t", "|")
_SHOWN: Final = {"\t": "tabs"}
# A line of nothing else has no cells: spreadsheets write such above a table that does not begin in the first row.
_BETWEEN: Final = "".join(_DELIMITERS) + '" '
# The line with which a file tells Excel how to read it.
_SEP: Final = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)

# Words of other alphabets, in their own encodings, are whole runs of such bytes; in Western languages they are few.
_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]{4}")
_IN_UTF_8: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NOT_IN_CP1252: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_HIGH: Final = bytes(range(0x80, 0x100))
_MOST_HIGH: Final = 0.2


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written. has_sep: whether its first line says what is between cells. remarks: in words."""

    encoding: str = "utf-8"
    delimiter: str = ","
    has_sep: bool = False
    remarks: tuple[str, ...] = ()


def read_dialect(name: str, file: BinaryIO, usual: str, prompt: str = "prompt") -> Dialect:
    """Tell how a file is written.

    Args:
        name: What messages call it.
        file: Read from its beginning.
        usual: What is between its cells if its name tells the truth.
        prompt: The name of the column that has the prompts.

    Raises:
        ManifestError: it is no CSV file.
    """
    start = _start(file)
    _refuse_foreign(name, start)
    encoding = _encoding(start)
    text = start.decode(encoding, "replace").removeprefix("\ufeff")
    remarks = [f"as {_NAMES[encoding]}"] if encoding in _NAMES else []
    sep = _SEP.match(text)
    if sep is not None:
        return Dialect(encoding, sep[1], True, tuple(remarks))
    delimiter = _delimiter(text, usual, prompt)
    if delimiter != usual:
        remarks.append(f"with {_SHOWN.get(delimiter, repr(delimiter))} between cells")
    return Dialect(encoding, delimiter, False, tuple(remarks))


def utf_encoding(name: str, file: BinaryIO) -> str:
    """Return "utf-8" or "utf-16", which a text that has no other encodings is in. Raises ManifestError for UTF-32."""
    start = file.read(_PIECE_BYTES)
    _refuse_other_utf(name, start)
    return "utf-16" if start.startswith(_UTF_16) else "utf-8"


@contextmanager
def open_bytes(path: Path, name: str, encoding: str = "utf-8", *, gzipped: bool) -> Iterator[BinaryIO]:
    """Open a file whose bytes are UTF-8, or become so as they are read. Raises ManifestError, also within."""
    try:
        with gzip.open(path) if gzipped else path.open("rb") as file:
            if encoding == "utf-8":
                yield cast("BinaryIO", file)
            else:
                errors = "replace" if encoding == "utf-16" else "surrogateescape"
                yield cast("BinaryIO", codecs.EncodedFile(cast("BinaryIO", file), "utf-8", encoding, errors))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ManifestError([Problem("E007", name, f"the gzip data is damaged or cut off: {error}")]) from error
    except OSError as error:
        raise ManifestError([Problem("E001", name, f"cannot be read: {error.strerror or error}")]) from error


def _start(file: BinaryIO) -> bytes:
    """The beginning of a file, or as much of it as can be read."""
    start = b""
    try:
        while len(start) < _START_BYTES and (piece := file.read(_PIECE_BYTES)):
            start += piece
    except (EOFError, gzip.BadGzipFile, zlib.error):
        if not start:
            raise
    return start


def _encoding(start: bytes) -> str:
    if start.startswith(_UTF_16):
        return "utf-16"
    high = len(start) - len(start.translate(None, _HIGH))
    is_western = (
        high
        and high <= len(start) * _MOST_HIGH
        and not _IN_UTF_8.search(start)
        and not _NOT_IN_CP1252.search(start)
        and not _HIGH_RUN.search(start)
    )
    return "cp1252" if is_western else "utf-8"


def _delimiter(text: str, usual: str, prompt: str) -> str:
    """The usual one, unless only another gives a column of prompts."""
    header = next((line for line in text.splitlines() if line.strip(_BETWEEN)), "")
    found = [one for one in (usual, *_DELIMITERS) if prompt in _cells(header, one)]
    return found[0] if found else usual


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _refuse_foreign(name: str, start: bytes) -> None:
    for mark, text in _FOREIGN_STARTS:
        if start.startswith(mark):
            raise ManifestError([Problem("E006", name, text, 1, 1)])
    _refuse_other_utf(name, start)


def _refuse_other_utf(name: str, start: bytes) -> None:
    if start.startswith(codecs.BOM_UTF32_LE):
        raise ManifestError(
            [Problem("E005", name, "the file is UTF-32 (its first bytes say so); save it as UTF-8", 1, 1)]
        )
    # English text as UTF-16 without a mark: every second byte is NUL.
    few = start[:4096]
    if not start.startswith(_UTF_16) and max(few[0::2].count(0), few[1::2].count(0)) * 4 > len(few):
        text = f"the file looks like UTF-16 (a NUL byte at byte {few.index(0)}); save it as UTF-8"
        raise ManifestError([Problem("E005", name, text, 1, 1)])
