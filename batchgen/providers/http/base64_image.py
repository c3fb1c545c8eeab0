"""Images as text: base64 in every form that encoders give it, with or without `data:` before it.

Ordinary base64 is decoded in one go. What that refuses may be written with the URL-safe alphabet, without padding,
with white space or line breaks anywhere, with percent signs or escapes of JSON in it, or in pieces, each padded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

import pybase64

from batchgen.core.answer import Image, Unusable
from batchgen.core.image_header import ImageError, recognise

_DATA_URL: Final = re.compile(rb"[\s\xef\xbb\xbf]*data:([^,]{0,200}),", re.IGNORECASE)
_BASE64_URL: Final = re.compile(rb";\s*base64\s*$", re.IGNORECASE)
_GAPS: Final = bytes(range(0x21)) + b"\x7f"
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_BACKSLASHES: Final = re.compile(rb"\\{2,}")
# What base64 is written with, as JSON and URLs escape it, in either case.
_SPELLINGS: Final = (
    *((b"\\u002b", b"+"), (b"\\u002f", b"/"), (b"\\u003d", b"="), (b"\\/", b"/"), (b"\\n", b""), (b"\\r", b"")),
    *((b"\\t", b""), (b"%2b", b"+"), (b"%2f", b"/"), (b"%3d", b"="), (b"%0a", b""), (b"%0d", b""), (b"%20", b"")),
)
# How images begin in base64: PNG, JPEG, WebP, GIF, TIFF, BMP, AVIF and HEIC, SVG. A slash may be written in many ways.
_BEGINS: Final = (
    rb"iVBORw0KGgo|(?:\\?/|_|%2[Ff])9j(?:\\?/|_|%2[Ff])|UklGR|R0lGOD|SUkqA|TU0AK|Qk[0-9a-zA-Z]{7}AA"
    rb"|AAAA[0-9a-zA-Z]{2}Z0eXB|PHN2Z|PD94bWwg"
)
# So many pieces are enough for the largest image with every slash of it escaped, and bound the time.
_RUN: Final = re.compile(
    rb"(?:" + _BEGINS + rb")(?:[A-Za-z0-9+/=_-]++|\\+[nrt/]|\\+u00[0-9a-fA-F]{2}|%[0-9A-Fa-f]{2}|\s++){1,2000000}+"
)
_SHORTEST_RUN: Final = 40
# What stands before an image may look like the beginning of one; to look for it at every place takes for ever.
_TRIES: Final = 3
# Images that were sent and are said again are no answer.
_SENT: Final = re.compile(
    rb'"[^"]{0,40}(?:init|input|mask|source|reference|control|request)[^"]{0,40}"\s*:\s*"[^"]{0,60}$'
)


def read_image(encoded: memoryview | bytes, max_bytes: int) -> Image | Unusable:
    """Return the image that a text holds, in base64 or as a data URL; Unusable says why it is none.

    Args:
        encoded: The text, in UTF-8.
        max_bytes: A larger image is unusable.
    """
    try:
        data, repaired = pybase64.b64decode(encoded, validate=True), False
    except ValueError:
        try:
            data, repaired = _decoded(bytes(encoded)), True
        except ValueError:
            return Unusable(f"broken base64 ({len(encoded):,} characters)", bytes(encoded))
    if len(data) > max_bytes:
        return Unusable(f"the image is more than the {max_bytes:,} bytes allowed", data)
    try:
        return recognise(data)
    except ImageError as error:
        reason = f"broken base64 ({len(encoded):,} characters): {error}" if repaired else str(error)
        return Unusable(reason, data)


def is_data_url(text: str) -> bool:
    """Whether a text is a data URL, which holds what it points to."""
    return text[:64].lstrip("\ufeff \t\r\n\f\v").lower().startswith("data:")


def images_in(body: bytes, max_bytes: int) -> Iterator[Image]:
    """Yield the whole images that stand in a text in base64, wherever; each once."""
    seen, position, tries = set(), 0, 0
    while run := _RUN.search(body, position):
        position, tries = run.end(), tries + 1
        if len(run[0]) < _SHORTEST_RUN or _SENT.search(body, max(0, run.start() - 200), run.start()):
            continue
        image = read_image(run[0], max_bytes)
        if isinstance(image, Image):
            tries = 0
            if image.data not in seen:
                seen.add(image.data)
                yield image
        elif tries <= _TRIES:
            position = run.start() + 1  # another image may begin a little later


def _decoded(text: bytes) -> bytes:
    """What a text means. Raises ValueError."""
    if url := _DATA_URL.match(text):
        text = text[url.end() :]
        if not _BASE64_URL.search(url[1]):
            return unquote_to_bytes(text)
    if b"\\" in text or b"%" in text:
        text = _BACKSLASHES.sub(rb"\\", text)
        for written, meant in _SPELLINGS:
            text = text.replace(written, meant).replace(_in_capitals(written), meant)
    text = text.replace(b"\xef\xbb\xbf", b"").translate(_TO_STANDARD, _GAPS)
    return b"".join(map(_piece, re.split(rb"=+", text)))


def _piece(text: bytes) -> bytes:
    """Decode base64 without its padding; one character alone at the end is worth nothing."""
    end = len(text) - len(text) % 4
    rest = text[end:]
    last = pybase64.b64decode(rest + b"=" * (4 - len(rest)), validate=True) if len(rest) > 1 else b""
    return pybase64.b64decode(memoryview(text)[:end], validate=True) + last


def _in_capitals(written: bytes) -> bytes:
    """An escape with its hexadecimal digits in capitals."""
    return written[:2] + written[2:].upper() if len(written) > 2 else written
