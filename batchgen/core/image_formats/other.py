"""GIF, BMP and TIFF: of each the headers, and how far the file must reach for all of it to be there."""

from __future__ import annotations

import struct
from typing import Final

from batchgen.core.image_formats.errors import MAX_PARTS, ImageError

GIF_SIGNATURES: Final = (b"GIF87a", b"GIF89a")
TIFF_SIGNATURES: Final = (b"II*\0", b"MM\0*")

# GIF89a, appendix A.
_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, 0x3B
# The oldest header of a BMP, which has sizes of two bytes, and the first that has four.
_BMP_OLD_HEADER, _BMP_HEADER = 12, 40
# TIFF 6.0, section 2: bytes of a BYTE, SHORT and LONG.
_TIFF_TYPES: Final = {1: 1, 3: 2, 4: 4}
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
# Where the strips or tiles are, and how long.
_TIFF_PIECES: Final = ((273, 279), (324, 325))


def gif_size(data: bytes) -> tuple[int, int]:
    """Walk the blocks of a GIF to its end mark."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _colours(flags)
    has_image = False
    for _ in range(MAX_PARTS):
        kind = data[position]
        if kind == _GIF_END:
            if not has_image:
                raise ImageError("the GIF holds no image")
            return width, height
        if kind == _GIF_EXTENSION:
            position += 2
        elif kind == _GIF_IMAGE:
            has_image = True
            position += 11 + _colours(data[position + 9])
        else:
            raise ImageError("the GIF is damaged: no block where one must be")
        while data[position]:
            position += data[position] + 1
        position += 1
    raise ImageError("the GIF has too many blocks")


def _colours(flags: int) -> int:
    """How many bytes a table of colours has."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def bmp_size(data: bytes) -> tuple[int, int]:
    """Read the headers of a BMP; of pixels that are not compressed, all must be there."""
    said_bytes, start, header = struct.unpack_from("<I4xII", data, 2)
    if header == _BMP_OLD_HEADER:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    elif header >= _BMP_HEADER:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    else:
        raise ImageError("the BMP does not begin with a header")
    width, height = abs(width), abs(height)  # a negative height says that the first row is the upper one
    pixels = (width * depth + 31) // 32 * 4 * height if compression in (0, 3, 6) else 0
    if len(data) < max(start + pixels, said_bytes if compression else 0):
        raise ImageError("the BMP breaks off")
    return width, height


def tiff_size(data: bytes) -> tuple[int, int]:
    """Read the first directory of a TIFF; all strips or tiles that it names must be there."""
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, directory)
    fields: dict[int, tuple[int, ...]] = {}
    for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, entry)
        if kind in _TIFF_TYPES and number <= MAX_PARTS:
            fields[tag] = _values(data, order, entry + 8, _TIFF_TYPES[kind], number)
    if not fields.get(_TIFF_WIDTH) or not fields.get(_TIFF_HEIGHT):
        raise ImageError("the TIFF does not say its size")
    offsets, lengths = next(
        ((fields[where], fields[long]) for where, long in _TIFF_PIECES if where in fields and long in fields), ((), ())
    )
    if not offsets:
        raise ImageError("the TIFF holds no image")
    if any(offset + length > len(data) for offset, length in zip(offsets, lengths, strict=False)):
        raise ImageError("the TIFF breaks off")
    return fields[_TIFF_WIDTH][0], fields[_TIFF_HEIGHT][0]


def _values(data: bytes, order: str, position: int, size: int, number: int) -> tuple[int, ...]:
    """The values of a field: in its entry if they fit into four bytes, else where the entry says."""
    if size * number > 4:
        (position,) = struct.unpack_from(f"{order}I", data, position)
    letter = {1: "B", 2: "H", 4: "I"}[size]
    return struct.unpack_from(f"{order}{number}{letter}", data, position)
