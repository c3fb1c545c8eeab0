"""Standard input and pipes -> files: a manifest is read more than once, and these can be read once only.

What was read lies in the folder for temporary files until the process ends.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, Literal

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem

Form = Literal["csv", "tsv", "json", "sheet", "parquet", "sweep"]

STDIN: Final = "-"

_START_BYTES: Final = 4096
_MAGIC: Final[tuple[tuple[bytes, Form], ...]] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "sheet"),
    (b"\xd0\xcf\x11\xe0", "sheet"),  # .xls
)
_GZIP: Final = b"\x1f\x8b"


def is_stream(path: Path) -> bool:
    """Whether a path can be read once only, and its name says nothing: a pipe, or what a shell has opened."""
    return path.is_fifo() or (path.is_file() and path.parts[:2] == ("/", "dev"))


def spool_stdin() -> Path:
    """Return a file with what comes from standard input. Raises ManifestError for a terminal or a full disk."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.isatty():
        text = "standard input is no pipe and no file; write `batchgen check - < FILE`, or give the name of a file"
        raise ManifestError([Problem("E001", STDIN, text)])
    return keep(STDIN, lambda file: shutil.copyfileobj(stream, file))


def spool_stream(path: Path, name: str) -> Path:
    """Return a file with what comes from a pipe. Raises ManifestError if it cannot be read, or the disk is full."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ManifestError([Problem("E001", name, f"cannot be read: {error.strerror or error}")]) from error
    with stream:
        return keep(name, lambda file: shutil.copyfileobj(stream, file))


def keep(name: str, write: Callable[[BinaryIO], object]) -> Path:
    """Return a file that `write` has written, and that is removed when the process ends. Raises ManifestError."""
    path: Path | None = None
    try:
        handle, created = tempfile.mkstemp(prefix="batchgen-")
        path = Path(created)
        atexit.register(path.unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            write(file)
        return path
    except OSError as error:
        if path is not None:
            path.unlink(missing_ok=True)
        text = f"cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}; TMPDIR names another folder"
        raise ManifestError([Problem("E001", name, text)]) from error


def form_of(path: Path) -> tuple[Form, bool]:
    """Tell by how a file begins what it is, and whether it is gzipped."""
    with path.open("rb") as file:
        start = file.read(_START_BYTES)
    if not start.startswith(_GZIP):
        return _form(start), False
    try:
        return _form(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _START_BYTES)), True
    except zlib.error:
        return "csv", True  # whose reader says what is damaged


def _form(start: bytes) -> Form:
    for magic, form in _MAGIC:
        if start.startswith(magic):
            return form
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = start.decode(encoding, "replace").lstrip()
    if text.startswith(("{", "[")):
        return "json"
    header = text.partition("\n")[0]
    return "tsv" if header.count("\t") > header.count(",") else "csv"
