"""Images that stand in the JSON of an answer as base64, or are the whole of it.

The base64 of an image takes no part in reading JSON: from its quote to the next it is cut out, and
decoded where it lies. To walk megabytes as JSON and to copy them takes three times as long as that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from batchgen.core.answer import Image, Slot, Ticket, Unusable
from batchgen.core.image_header import ImageError, is_image_type, recognise

# A real answer has a handful of slots; each object becomes a Python object, so a body of "{}" would take gigabytes.
MAX_OBJECTS: Final = 4096


def cut_out(body: bytes, begins: re.Pattern[bytes]) -> tuple[bytes, dict[str, memoryview]]:
    """Return the body with a number in place of each image's base64, and the base64 by that number.

    Where something is escaped in the base64, as line breaks are, or there are too many, the body stays whole.

    Args:
        body: The answer.
        begins: What comes before the base64 of an image, its opening quote included.
    """
    view, position, begins_at = memoryview(body), 0, 0
    kept: list[bytes | memoryview] = []
    images: dict[str, memoryview] = {}
    while found := begins.search(body, begins_at):
        start = found.end()
        end = body.find(b'"', start)
        if end < 0:
            end = len(body)
        if body.find(b"\\", start, end) >= 0 or len(images) == MAX_OBJECTS:
            return body, {}
        number = f"#{len(images)}"  # no base64 looks like that
        kept += [view[position:start], number.encode()]
        images[number] = view[start:end]
        position = begins_at = end
    return b"".join([*kept, view[position:]]), images


def bare_image(body: bytes, max_image_bytes: int) -> Image | Unusable | None:
    """Return the image that a body is, without any JSON; None if it does not begin as one."""
    if not is_image_type(body):
        return None
    if len(body) > max_image_bytes:
        return Unusable(f"the image is more than the {max_image_bytes:,} bytes allowed", body)
    try:
        return recognise(body)
    except ImageError as error:
        return Unusable(str(error), body)


def filled(slots: tuple[Slot, ...], found: Iterable[Image | Ticket]) -> tuple[Slot, ...]:
    """Return the slots with images or links that are in none of them: first where none is, then beyond."""
    known = {_identity(slot.image) for slot in slots if isinstance(slot.image, Image | Ticket)}
    more = iter([image for image in found if _identity(image) not in known])
    taken = [
        slot if isinstance(slot.image, Image | Ticket) else replace(slot, image=next(more, slot.image))
        for slot in slots
    ]
    return (*taken, *(Slot(image, None) for image in more))


def _identity(image: Image | Ticket) -> bytes | str:
    return image.url if isinstance(image, Ticket) else image.data


def has_more_objects_than(limit: int, body: bytes) -> bool:
    """Return whether a body has more opening braces than that."""
    position = -1
    for _ in range(limit + 1):
        position = body.find(b"{", position + 1)
        if position < 0:
            return False
    return True
