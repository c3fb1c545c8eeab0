"""SVG: text, of which the first tag is read and the last is looked for. No XML is parsed."""

from __future__ import annotations

import math
import re
from typing import Final

from batchgen.core.image_formats.errors import ImageError

# What may stand before the first tag: byte order mark, declaration, comments, document type.
_START: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?(?:(?!\?>).){0,1000}\?>|<!--(?:(?!-->).){0,2000}-->|<!DOCTYPE\s+svg[^>\[]{0,500}>)*"
    rb"<(?P<prefix>[A-Za-z]{1,20}:)?svg(?P<attributes>\s(?:[^<>\"']++|\"[^\"]*\"|'[^']*'){0,500})?>",
    re.DOTALL,
)
_END: Final = re.compile(rb"</(?:[A-Za-z]{1,20}:)?svg\s*>")
_LENGTH: Final = re.compile(rb"\s*([0-9]{1,7}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(px|pt|pc|mm|cm|in|em|rem)?\s*")
# Of a CSS pixel, 96 of which make an inch.
_UNITS: Final = {b"pt": 4 / 3, b"pc": 16.0, b"mm": 96 / 25.4, b"cm": 96 / 2.54, b"in": 96.0, b"em": 16.0, b"rem": 16.0}
# Of an image that says nothing, as browsers show it.
_DEFAULT: Final = (300.0, 150.0)


def is_svg(data: bytes) -> bool:
    """Whether the first tag is that of an SVG."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" and _START.match(data) is not None


def svg_size(data: bytes) -> tuple[int, int]:
    """Read the size from the first tag, and look for the last."""
    start = _START.match(data)
    if start is None or not _END.search(data, start.end()):
        raise ImageError("the SVG breaks off: it has no end tag")
    attributes = start["attributes"] or b""
    box = (_attribute(attributes, b"viewBox") or b"").replace(b",", b" ").split()
    drawn = tuple(_pixels(text) for text in box[2:]) if len(box) == 4 else (None, None)
    width = _pixels(_attribute(attributes, b"width")) or drawn[0] or _DEFAULT[0]
    height = _pixels(_attribute(attributes, b"height")) or drawn[1] or _DEFAULT[1]
    return math.ceil(width), math.ceil(height)


def _attribute(attributes: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"\s" + name + rb"\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", attributes)
    return found and (found[1] if found[1] is not None else found[2])


def _pixels(text: bytes | None) -> float | None:
    """A length in pixels; None where there is none, as with a percentage."""
    length = _LENGTH.fullmatch(text) if text else None
    return float(length[1]) * _UNITS.get(length[2] or b"", 1.0) if length else None
