"""From the body of a successful answer to images.

AI/ML API answers in two shapes: `data[]` with `url` or `b64_json`, and an older one,
`output.choices[]` with `image_base64`; both are in its documentation, and both are read. An image
that cannot be used becomes a Unusable slot and leaves its neighbours alone. Fields that are not
needed are skipped, not judged: the service may add what it likes.

The base64 of an image takes no part in reading JSON: from its quote to the next it is cut out, and
decoded where it lies. To walk megabytes as JSON and to copy them takes three times as long as that.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
import pybase64

from batchgen.core.answer import Image, Missing, Slot, Ticket, Unusable
from batchgen.core.image_header import ImageError, recognise
from batchgen.providers.http.download import MAX_LINK_CHARACTERS

# A real answer has a handful of slots; each object becomes a Python object, so a body of "{}" would take gigabytes.
_MAX_OBJECTS: Final = 4096


# What comes before the base64 of an image, in either shape.
_IMAGE_BEGINS: Final = re.compile(rb'"(?:b64_json|image_base64)"\s*:\s*"(?=[^"])')


class AnswerError(ValueError):
    """A body in neither shape of answer."""


class _Item(msgspec.Struct):
    """One image, by the names of either shape."""

    b64_json: str | None = None
    image_base64: str | None = None
    url: str | None = None
    prompt: object = None  # the enhanced prompt; anything but text is no prompt
    revised_prompt: object = None  # the same, by another name


class _Output(msgspec.Struct):
    choices: list[_Item | None] | None


class _Body(msgspec.Struct):
    data: list[_Item | None] | msgspec.UnsetType | None = msgspec.UNSET
    output: _Output | None = None


_DECODER: Final = msgspec.json.Decoder(_Body)


def read_answer(body: bytes, max_image_bytes: int) -> tuple[Slot, ...]:
    """The image slots of an answer, in the service's order; none where the safety filter dropped all.

    max_image_bytes: a larger image is Unusable. Raises AnswerError for a body in neither shape.
    """
    text, images = _cut_out_images(body)
    if _has_more_objects_than(_MAX_OBJECTS, text):
        raise AnswerError("the answer has too many parts")
    try:
        answer = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(f"the answer is not JSON in a known shape ({str(error)[:100]})") from None
    if answer.data is msgspec.UNSET and answer.output is None:
        raise AnswerError("the answer has neither `data` nor `output`")
    items = answer.data or (answer.output and answer.output.choices) or ()
    if len(items) > _MAX_OBJECTS:
        raise AnswerError("the answer has too many parts")
    return tuple(_slot(item, images, max_image_bytes) for item in items)


def _cut_out_images(body: bytes) -> tuple[bytes, dict[str, memoryview]]:
    """The body with a number in place of each image's base64, and the base64 by that number.

    Where something is escaped in the base64, as line breaks are, or there are too many, the body stays whole.
    """
    view, position = memoryview(body), 0
    kept: list[bytes | memoryview] = []
    images: dict[str, memoryview] = {}
    while begins := _IMAGE_BEGINS.search(body, position):
        start = begins.end()
        end = body.find(b'"', start)
        if end < 0 or body.find(b"\\", start, end) >= 0 or len(images) == _MAX_OBJECTS:
            return body, {}
        number = f"#{len(images)}"  # no base64 looks like that
        kept += [view[position:start], number.encode()]
        images[number] = view[start:end]
        position = end
    return b"".join([*kept, view[position:]]), images


def _slot(item: _Item | None, images: dict[str, memoryview], max_image_bytes: int) -> Slot:
    if item is None:
        return Slot(Missing("the answer holds null instead of an image"), None)
    enhanced_prompt = next(
        (text for text in (item.prompt, item.revised_prompt) if text and isinstance(text, str)), None
    )
    if encoded := item.b64_json or item.image_base64:
        image = images.get(encoded)
        if image is None:
            image = memoryview("".join(encoded.split()).encode("ascii", "replace"))  # lines, as RFC 2045 has them
        return Slot(_decoded(image, max_image_bytes), enhanced_prompt)
    if item.url and len(item.url) > MAX_LINK_CHARACTERS:
        return Slot(Unusable(f"the link is {len(item.url):,} characters long"), enhanced_prompt)
    if item.url:
        return Slot(Ticket(item.url), enhanced_prompt)
    return Slot(Missing("the answer holds neither an image nor a link"), enhanced_prompt)


def _decoded(encoded: memoryview, max_image_bytes: int) -> Image | Unusable:
    if bytes(encoded[:5]) == b"data:":  # a data URL, which some models give
        encoded = memoryview(bytes(encoded).partition(b",")[2])
    if len(encoded) // 4 * 3 > max_image_bytes + 2:
        return Unusable(f"the image is more than the {max_image_bytes:,} bytes allowed")
    try:
        return recognise(pybase64.b64decode(encoded, validate=True))
    except ImageError as error:
        return Unusable(str(error))
    except ValueError:
        return Unusable(f"broken base64 ({len(encoded):,} characters)")


def _has_more_objects_than(limit: int, body: bytes) -> bool:
    position = -1
    for _ in range(limit + 1):
        position = body.find(b"{", position + 1)
        if position < 0:
            return False
    return True
