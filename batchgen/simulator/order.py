"""What a request asks for, whatever service it was sent to, and the images of an answer as they travel."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from batchgen.simulator.settings import ImageFormat

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request: what to draw, and how to answer.

    Attributes:
        image_format: None for that of the settings.
        asked: the request as it came, for answers that say it again.
    """

    model: str
    prompt: str
    num_images: int
    seed: int | None
    enhance: bool
    watermark: bool
    size: Size
    as_link: bool
    image_format: ImageFormat | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inline:
    """An image that travels in the answer: its base64, already in quotes."""

    quoted_base64: bytes


@dataclass(frozen=True, slots=True)
class Linked:
    """An image that the answer points to."""

    url: str


Item = Inline | Linked


@lru_cache(maxsize=4)
def inline(data: bytes) -> Inline:
    """Encode an image for an answer. The cache spares prepared images the work after the first time."""
    return Inline(b'"' + binascii.b2a_base64(data, newline=False) + b'"')


def damage_base64(item: Item) -> Item:
    """Put invalid characters into the base64 of an item; a link stays as it is."""
    if isinstance(item, Linked):
        return item
    text = item.quoted_base64
    middle = len(text) // 2
    return Inline(text[:middle] + b"%&~" + text[middle + 3 :])
