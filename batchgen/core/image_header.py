"""Which image these bytes are, how large, and whether all of it is there.

PNG, JPEG and WebP are told by their bytes, never by a name or a header of HTTP. Nothing is decoded:
a walk over a file's own structure finds every truncation, and for PNG every flipped bit, in under a
millisecond. The price: damage inside the image data of a JPEG or WebP goes unseen.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from batchgen.core.answer import Image

# 8192 x 8192: above every model, below what makes a viewer run out of memory.
MAX_PIXELS: Final = 8192 * 8192
# Encoders write a few thousand parts at most; a file of nothing but empty parts shall not keep us busy.
_MAX_PARTS: Final = 65_536

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_START: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
# Start-of-frame markers carry the size; C4, C8 and CC in their range mean other things (ITU T.81, table B.1).
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN: Final = 0xDA
# Markers that stand alone, without a length: TEM and RST0 to RST7.
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})


class ImageError(ValueError):
    """These bytes are no image that can be kept; the text says why."""


def recognise(data: bytes) -> Image:
    """The image that `data` is, bytes untouched. Raises ImageError if it is none, too large, or not whole."""
    try:
        if data.startswith(_PNG_SIGNATURE):
            mime_type, extension, (width, height) = "image/png", "png", _png_size(data)
        elif data.startswith(_JPEG_START):
            mime_type, extension, (width, height) = "image/jpeg", "jpg", _jpeg_size(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            mime_type, extension, (width, height) = "image/webp", "webp", _webp_size(data)
        else:
            raise ImageError(_what_else(data))
    except (struct.error, IndexError):
        raise ImageError("the image breaks off in its header") from None
    if width == 0 or height == 0:
        raise ImageError(f"the image says that it is {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise ImageError(f"the image is {width} x {height} pixels, more than the {MAX_PIXELS:,} allowed")
    return Image(data, mime_type, extension, width, height)


def _what_else(data: bytes) -> str:
    if not data:
        return "no bytes came"
    begin = data[:16]
    # Words, like "<html>" or "{", are for people. Other bytes only say what kind of file it is, by the first four.
    shown = repr(begin) if begin.isascii() and begin.decode().isprintable() else begin[:4].hex(" ")
    return f"not a PNG, JPEG or WebP image: {len(data):,} bytes that begin {shown}"


def _png_size(data: bytes) -> tuple[int, int]:
    """Walk all chunks with their checksums, from IHDR to an IEND that is the end."""
    view = memoryview(data)
    position = len(_PNG_SIGNATURE)
    size: tuple[int, int] | None = None
    has_image = False
    for _ in range(_MAX_PARTS):
        length, name = struct.unpack_from(">I4s", view, position)
        end = position + 8 + length
        if end + 4 > len(data):
            raise ImageError("the PNG breaks off")
        if zlib.crc32(view[position + 4 : end]) != struct.unpack_from(">I", view, end)[0]:
            raise ImageError(f"the PNG is damaged: wrong checksum in chunk {name!r}")
        if size is None:
            if name != b"IHDR" or length != 13:
                raise ImageError("the PNG does not begin with its header")
            size = struct.unpack_from(">II", view, position + 8)
        has_image = has_image or name == b"IDAT"
        position = end + 4
        if name == b"IEND":
            if position != len(data):
                raise ImageError(f"the PNG has {len(data) - position:,} bytes after its end")
            if not has_image:
                raise ImageError("the PNG holds no image")
            return size
    raise ImageError("the PNG has too many chunks")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments to the first scan, and look for the end marker at the end."""
    position = 2
    size: tuple[int, int] | None = None
    for _ in range(_MAX_PARTS):
        if data[position] != 0xFF:
            raise ImageError("the JPEG is damaged: no marker where one must be")
        marker = data[position + 1]
        if marker == 0xFF or marker in _JPEG_BARE:  # fill byte, or a marker alone
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if length < 2 or position + 2 + length > len(data):
            raise ImageError("the JPEG breaks off")
        if marker in _JPEG_FRAMES and size is None:
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = (width, height)
        if marker == _JPEG_SCAN:
            if size is None:
                raise ImageError("the JPEG does not say its size")
            if not data.endswith(_JPEG_END, position + 2 + length):
                raise ImageError("the JPEG breaks off: it has no end marker")
            return size
        position += 2 + length
    raise ImageError("the JPEG has too many segments")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Check that the file and its chunks have the lengths that they say; the first chunk tells the size."""
    (riff_length,) = struct.unpack_from("<I", data, 4)
    if riff_length + 8 != len(data):
        raise ImageError(f"the WebP says {riff_length + 8:,} bytes and has {len(data):,}")
    position = 12
    names: list[bytes] = []
    while position < len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        names.append(name)
        position += 8 + length + length % 2
        if position > len(data) or len(names) > _MAX_PARTS:
            raise ImageError("the WebP's chunks do not fit into it")
    if not {b"VP8 ", b"VP8L", b"ANMF"}.intersection(names):
        raise ImageError("the WebP holds no image")
    return _webp_canvas(data, names[0])


def _webp_canvas(data: bytes, first_chunk: bytes) -> tuple[int, int]:
    """Width and height as the first chunk says (Google's WebP container specification, RFC 6386, section 9.1)."""
    if first_chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if first_chunk == b"VP8L" and data[20] == 0x2F:
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if first_chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ImageError("the WebP does not begin with an image header")
