"""What exported files are called: a template filled with a row's values, and refused where it is no safe path.

A name is a contract with the code that imports it, so a value is never changed to fit: what does not fit is an error
that names the row. A safe path has the characters `A-Za-z0-9._@/-`, leads nowhere but down, is no device of Windows,
and no hidden file; and no two are one on a system that takes upper and lower case for the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from batchgen.core.format import quote

_FIELD = re.compile(r"\{([^{}]+)\}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._@/-]")
# Names of devices, which Windows lets no file have, whatever its ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
# Of a name in a folder on all usual file systems; and of a whole path, with room for DEST (Linux has 4,096 bytes, macOS
# 1,024).
_MAX_SEGMENT = 200
_MAX_PATH = 600


class UnsafeName(Exception):
    """A name that no file may have; the text completes a sentence about it."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A path, and where the row that asks for it stands, for messages."""

    path: str
    where: str


def fields_of(template: str) -> list[str]:
    """Return the names of the values that a template has places for."""
    return _FIELD.findall(template)


def fill(template: str, value_of: Callable[[str], str]) -> str:
    """Return the path that a template gives. Raises UnsafeName."""
    path = _FIELD.sub(lambda found: value_of(found[1]), template)
    refuse_unsafe(path)
    return path


def refuse_unsafe(path: str) -> None:
    """Raise UnsafeName for what is no safe path."""
    if found := _UNSAFE.search(path):
        raise UnsafeName(f"has {quote(found[0])}; a name has letters, digits and . _ @ / - only")
    if len(path) > _MAX_PATH:
        raise UnsafeName(f"has more than {_MAX_PATH} characters")
    for segment in path.split("/"):
        if not segment:
            raise UnsafeName("has an empty part between slashes")
        if segment.startswith("."):  # and so no part is `.` or `..`
            raise UnsafeName("has a part that begins with a dot")
        if segment.endswith("."):
            raise UnsafeName("has a part that ends with a dot, which Windows drops")
        if len(segment) > _MAX_SEGMENT:
            raise UnsafeName(f"has a part of more than {_MAX_SEGMENT} characters")
        if _DEVICE.fullmatch(segment.partition(".")[0]):
            raise UnsafeName(f"has the part {segment}, which is a device on Windows")


def clashes(files: Iterable[NamedFile], taken: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each path that is another's already, or lies below one. taken: paths, and what they are."""
    known = {path.lower(): NamedFile(path, what) for path, what in taken.items()}
    folders: dict[str, NamedFile] = {}
    for file in files:
        lower = file.path.lower()
        other = known.get(lower) or folders.get(lower)
        for parent in _parents(lower):
            other = other or known.get(parent)
            folders.setdefault(parent, file)
        if other is None:
            known[lower] = file
        else:
            what = "is asked for twice" if other.path == file.path else f"and {other.path} cannot both be there"
            yield f"{file.path} {what}: {other.where} and {file.where}"


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
