"""AVIF and HEIC: boxes within boxes (ISO 14496-12, ISO 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from batchgen.core.image_formats.errors import MAX_PARTS, ImageError

# What the file says that it is, best first, with its media type and extension.
_BRANDS: Final = (
    (frozenset({b"avif", b"avis"}), "image/avif", "avif"),
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}), "image/heic", "heic"),
    (frozenset({b"mif1", b"msf1", b"mif2", b"miaf"}), "image/heif", "heif"),
)
# Boxes that begin with so many bytes of their own before the boxes within them.
_WITHIN: Final = {b"meta": 4, b"iprp": 0, b"ipco": 0}

# Name, begin of the content and end of a box.
_Box = tuple[bytes, int, int]


def heif_type(data: bytes) -> tuple[str, str] | None:
    """Return media type and extension of a file of this family, None for any other."""
    if data[4:8] != b"ftyp":
        return None
    length = int.from_bytes(data[:4], "big")
    brands = {data[at : at + 4] for at in (8, *range(16, min(length, 512), 4))}
    return next(((mime_type, extension) for known, mime_type, extension in _BRANDS if brands & known), None)


def heif_size(data: bytes) -> tuple[int, int]:
    """Walk the boxes until size and image data were there as a whole; the largest image in it tells the size."""
    sizes: list[tuple[int, int]] = []
    has_data = False
    for box in _boxes(data, 0, len(data)):
        for name, content, _ in _within(data, box):
            has_data = has_data or name in (b"mdat", b"idat")
            if name == b"ispe":
                width, height = struct.unpack_from(">II", data, content + 4)
                sizes.append((width, height))
        if sizes and has_data:
            return max(sizes, key=lambda size: size[0] * size[1])
    raise ImageError("the image breaks off before its data")


def _within(data: bytes, box: _Box) -> Iterator[_Box]:
    """Yield a box, and those within it that may tell of the image."""
    yield box
    name, content, end = box
    if name in _WITHIN:
        for inner in _boxes(data, content + _WITHIN[name], end):
            yield from _within(data, inner)


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes that follow each other."""
    for _ in range(MAX_PARTS):
        if start >= end:
            return
        length, name = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, content)
            content += 8
        box_end = end if length == 0 else start + length
        if box_end < content:
            raise ImageError("the image is damaged: no box where one must be")
        if box_end > end:
            raise ImageError("the image breaks off")
        yield name, content, box_end
        start = box_end
    raise ImageError("the image has too many boxes")
