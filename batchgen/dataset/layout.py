"""Under which names a dataset is kept. The only place that knows them; where they lie is the store's business.

A constant that ends in a slash is the beginning of names, as `Store.list` takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from typing import Annotated

import msgspec

from batchgen.store import Store, StoredFile
from batchgen.store.places import PATIENCE_S, store_at

IMAGES = "images/"
INDEX = "index/"
VIEW = "metadata.parquet"
CARD = "README.md"
CROISSANT = "croissant.json"
GALLERY_PAGE = "gallery.html"
THUMBNAILS = "gallery/"
# What follows may be deleted after a clean stop without loss.
STATE = ".batchgen/"
WAL = ".batchgen/ledger/"
LOCK = ".batchgen/lock"
RESERVE = ".batchgen/reserve"
EVENTS = ".batchgen/events.jsonl"
WORK_LIST = ".batchgen/work.arrow"
CONFIG = ".batchgen/config.json"
VIEW_STATE = ".batchgen/view.state"
LABEL_UPDATES = ".batchgen/labels.arrow"
LABEL_DIGESTS = ".batchgen/labels.digests"
LINK_TRIES = ".batchgen/links.json"
FORMAT = ".batchgen/format"
PARTS = ".batchgen/parts.json"
DERIVED = ".batchgen/derived/"
DAMAGED = ".batchgen/damaged/"
UNREADABLE = ".batchgen/unreadable/"
# Here lay temporary files before they lay beside their target, under such names.
OLD_TEMPORARY = ".batchgen/tmp/"
_OLD_TEMPORARY = re.compile(
    r"\.batchgen/tmp/(part-\d{8}\.parquet|[0-9a-f]{16}-\d+(-\d+)?\.[a-z0-9]+"
    r"|metadata\.parquet|README\.md|croissant\.json|config\.json|view\.sections)"
)

# The user may keep the images on another disk, behind a link.
_ELSEWHERE = ("images",)

# A folder of a thousand files opens quickly in every file manager and on every network disk.
ROWS_PER_FOLDER = 1000

# An index may come from somebody else: an image with another name than these is none of ours.
IMAGE_PATTERN = r"^images/[0-9]{5,19}/([0-9a-f]{16})-[0-9]{1,9}(-[0-9]{1,9})?\.[a-z0-9]{1,8}$"
ImageName = Annotated[str, msgspec.Meta(pattern=IMAGE_PATTERN.removesuffix("$") + r"\Z")]
_IMAGE = re.compile(IMAGE_PATTERN)
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "#recycle", "lost+found"})
# Eight digits, and more once eight are used up: one number has one name.
_PART = re.compile(r"index/part-(\d{8}|[1-9]\d{8,})(?:-([0-9a-f]{8}))?\.parquet")
_SEGMENT = re.compile(r"\.batchgen/ledger/segment-(\d{8}|[1-9]\d{8,})(?:-([0-9a-f]{8}))?\.jsonl")
_TOKEN_BITS = 32
_TOKEN = (1 << _TOKEN_BITS) - 1


def part_name(number: int) -> str:
    """Return the name of an index part."""
    return f"{INDEX}part-{_numeral(number)}.parquet"


def segment_name(number: int) -> str:
    """Return the name of a segment of the WAL."""
    return f"{WAL}segment-{_numeral(number)}.jsonl"


def place_of(number: int) -> int:
    """Return which place in their order the number of a part or segment gives it, from 1 on.

    A number is its place; where others might give the same, it is negative, and holds a token beside its place.
    """
    return number if number >= 0 else -number >> _TOKEN_BITS


def image_name(row_number: int, fingerprint: str, image_number: int, extension: str) -> str:
    """Return the name of an image."""
    return f"{IMAGES}{row_number // ROWS_PER_FOLDER:05d}/{fingerprint[:16]}-{image_number}.{extension}"


def fingerprint_start(name: str) -> str | None:
    """Return the first 16 hex digits of the fingerprint that an image is named by; None for any other file's name."""
    match = _IMAGE.match(name)
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class Layout:
    """A dataset in a store: what of it is kept under which names."""

    store: Store

    def file(self, name: str) -> StoredFile:
        """Return what is kept under a name, now or when it is opened."""
        return StoredFile(self.store, name)

    def is_held(self) -> bool:
        """Whether a run, or anything else that writes, has the dataset; of one elsewhere it takes seconds to tell."""
        return self.store.is_held(LOCK)

    @property
    def is_shared(self) -> bool:
        """Whether another process may write at the same time, whatever the lock says: then no two make one name."""
        return self.store.new_token() != 0

    def number(self, place: int) -> int:
        """Return a number for a part or segment at a place in their order: one that no other process gives."""
        token = self.store.new_token()
        return -(place << _TOKEN_BITS | token) if token else place

    def renewed(self, number: int) -> int:
        """Return the number for a part in the place of this one: the same, where no other process gives numbers."""
        return self.number(place_of(number)) if self.is_shared else number

    def next_number(self, *others: int) -> int:
        """Return a number for a part that is newer than all there are, and than these others."""
        return self.number(max(map(place_of, (*self.part_names(), *others)), default=0) + 1)

    def parts(self) -> dict[int, StoredFile]:
        """The index parts, oldest first."""
        return {number: self.file(name) for number, name in self.part_names().items()}

    def segments(self) -> dict[int, StoredFile]:
        """The WAL's segments, oldest first."""
        return {number: self.file(name) for number, name in self.segment_names().items()}

    def part_names(self) -> dict[int, str]:
        """Return the names of the index parts by number, oldest first."""
        return _numbered(_PART, (entry.name for entry in self.store.list(INDEX)))

    def segment_names(self) -> dict[int, str]:
        """Return the names of the WAL's segments by number, oldest first."""
        return _numbered(_SEGMENT, (entry.name for entry in self.store.list(WAL)))

    def old_temporary_names(self) -> list[str]:
        """Return the names of temporary files that an earlier version left."""
        return [entry.name for entry in self.store.list(OLD_TEMPORARY) if _OLD_TEMPORARY.fullmatch(entry.name)]

    def free_name(self, name: str) -> str:
        """Return `name`, or the next like it under which nothing is kept."""
        stem, dot, extension = name.rpartition(".")
        candidate, count = name, 1
        while self.store.exists(candidate):
            count += 1
            candidate = f"{stem}-{count}{dot}{extension}"
        return candidate

    def is_dataset(self) -> bool:
        """Whether batchgen has written here before."""
        return self.store.exists(VIEW) or any(True for _ in self.store.list(STATE)) or bool(self.part_names())


def layout_at(place: str | PathLike[str], patience_s: float = PATIENCE_S) -> Layout:
    """Return the layout of the dataset at a place that the user named; it need not be there yet.

    patience_s: how long a bucket may be out of reach. Raises UsageError.
    """
    return Layout(store_at(place, _ELSEWHERE, patience_s))


def is_system_file(name: str) -> bool:
    """Whether a name is one that operating systems and network disks strew about, and nobody's image."""
    return any(part.startswith((".", "@")) or part.lower() in _SYSTEM_FILES for part in name.split("/"))


def _numbered(pattern: re.Pattern[str], names: Iterable[str]) -> dict[int, str]:
    found = {_number(*match.groups()): name for name in names if (match := pattern.fullmatch(name))}
    return {number: found[number] for number in sorted(found, key=lambda number: (place_of(number), number))}


def _numeral(number: int) -> str:
    return f"{number:08d}" if number >= 0 else f"{place_of(number):08d}-{-number & _TOKEN:08x}"


def _number(place: str, token: str | None) -> int:
    return -(int(place) << _TOKEN_BITS | int(token, 16)) if token else int(place)
