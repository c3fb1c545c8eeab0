"""Which image these bytes are, how large, and whether all of it is there.

An image is told by its bytes, never by a name or a header of HTTP, and kept byte for byte: bytes after its end, of
an encoder or a maker's own, are kept with it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from batchgen.core.answer import Image
from batchgen.core.image_formats.errors import ImageError
from batchgen.core.image_formats.heif import heif_size, heif_type
from batchgen.core.image_formats.other import GIF_SIGNATURES, TIFF_SIGNATURES, bmp_size, gif_size, tiff_size
from batchgen.core.image_formats.svg import is_svg, svg_size
from batchgen.core.image_formats.usual import JPEG_START, PNG_SIGNATURE, jpeg_size, png_size, webp_size

__all__ = ["MAX_PIXELS", "ImageError", "is_image_type", "recognise"]

# 8192 x 8192: above every model, below what makes a viewer run out of memory.
MAX_PIXELS: Final = 8192 * 8192

_Size = Callable[[bytes], tuple[int, int]]


def recognise(data: bytes) -> Image:
    """The image that `data` is, bytes untouched. Raises ImageError if it is none, too large, or not whole."""
    known = _format(data)
    if known is None:
        raise ImageError(_what_else(data))
    mime_type, extension, size_of = known
    try:
        width, height = size_of(data)
    except (struct.error, IndexError):
        raise ImageError("the image breaks off in its header") from None
    if width == 0 or height == 0:
        raise ImageError(f"the image says that it is {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise ImageError(f"the image is {width} x {height} pixels, more than the {MAX_PIXELS:,} allowed")
    return Image(data, mime_type, extension, width, height)


def is_image_type(data: bytes) -> bool:
    """Whether these bytes begin as an image does, be it whole or not."""
    return _format(data) is not None


def _format(data: bytes) -> tuple[str, str, _Size] | None:
    """Media type, extension and walk of the format that the first bytes are of."""
    if data.startswith(PNG_SIGNATURE):
        return "image/png", "png", png_size
    if data.startswith(JPEG_START):
        return "image/jpeg", "jpg", jpeg_size
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp", "webp", webp_size
    if data.startswith(GIF_SIGNATURES):
        return "image/gif", "gif", gif_size
    if data.startswith(TIFF_SIGNATURES):
        return "image/tiff", "tiff", tiff_size
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "image/bmp", "bmp", bmp_size
    if named := heif_type(data):
        return *named, heif_size
    return ("image/svg+xml", "svg", svg_size) if is_svg(data) else None


def _what_else(data: bytes) -> str:
    if not data:
        return "no bytes came"
    begin = data[:16]
    # Words, like "<html>" or "{", are for people. Other bytes only say what kind of file it is, by the first four.
    shown = repr(begin) if begin.isascii() and begin.decode().isprintable() else begin[:4].hex(" ")
    return f"not a PNG, JPEG or WebP image, nor one of a rarer format: {len(data):,} bytes that begin {shown}"
