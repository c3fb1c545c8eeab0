"""`.batchgen/parts.json`: which parts the index has, and how many records each, so that one that is lost is missed.

What is listed is on the disk, at every moment and whatever is cut short: a part is listed once it is durable, and taken
off the list before it is removed or loses records. A part that is not listed may be there all the same. The list may be
deleted with the rest of `.batchgen/`; then nothing here knows what is lost, until a run lists the parts again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import msgspec

from batchgen.core.errors import DamagedIndex
from batchgen.dataset.index.parts import row_count
from batchgen.dataset.layout import PARTS, Layout, part_name

_decode = msgspec.json.Decoder(dict[int, int]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class LostRecords:
    """A part that has not the records that it had.

    name: of the part, in the dataset. listed: how many records it had. found: how many it has; None if it is gone.
    """

    name: str
    listed: int
    found: int | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.name} is gone, with {self.listed:,} records"
        return f"{self.name} has {self.found:,} records and had {self.listed:,}"


def listed_parts(layout: Layout) -> dict[int, int] | None:
    """Return how many records each part had, by number; None where no list can be read."""
    try:
        return _decode(layout.store.read(PARTS))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def lost_records(layout: Layout) -> list[LostRecords]:
    """Return the parts that have not the records that they had; parts that cannot be read are passed over.

    Raises UnknownFormat.
    """
    listed = listed_parts(layout) or {}
    files = layout.parts()
    lost = []
    for number, records in listed.items():
        found: int | None = None
        if number in files:
            try:
                found = row_count(files[number])
            except DamagedIndex:
                continue
            except FileNotFoundError:
                pass
        if found != records:
            lost.append(LostRecords(part_name(number), records, found))
    return lost


def list_parts(layout: Layout) -> None:
    """List the parts that are there. Raises DamagedIndex, OSError."""
    parts = {number: row_count(file) for number, file in layout.parts().items()}
    if listed_parts(layout) != parts:
        layout.store.put(PARTS, _encode(parts))


def list_part(layout: Layout, number: int, records: int) -> None:
    """List a part that was written just now, if there is a list."""
    listed = listed_parts(layout)
    if listed is not None and listed.get(number) != records:
        with suppress(OSError):  # the part is safe; the next run lists it
            layout.store.put(PARTS, _encode(listed | {number: records}))


@contextmanager
def off_the_list(layout: Layout, numbers: Collection[int]) -> Iterator[None]:
    """Take parts off the list while the block changes or removes them, and list those that are there then.

    Raises OSError.
    """
    listed = listed_parts(layout)
    if listed is None:
        yield
        return
    others = {number: records for number, records in listed.items() if number not in numbers}
    if others != listed:
        layout.store.put(PARTS, _encode(others))
    before = {*layout.part_names()}
    yield
    files = layout.parts()
    now = {number: row_count(files[number]) for number in files if number in numbers or number not in before}
    with suppress(OSError):  # they are safe; the next run lists them
        layout.store.put(PARTS, _encode(others | now))


@contextmanager
def renumbered(layout: Layout, number: int) -> Iterator[None]:
    """Let the list have the number that a part gets in the block, where it gets another. Raises OSError."""
    if layout.renewed(number) == number:
        yield
        return
    with off_the_list(layout, [number]):
        yield
