"""From the body of a successful answer to images.

AI/ML API answers in three shapes: `data[]` with `url` or `b64_json`, `images[]` with the same, and an older one,
`output.choices[]` with `image_base64`; all are in its documentation, and all are read. So is an image that comes
without any JSON. An image that cannot be used becomes a Unusable slot and leaves its neighbours alone. Fields that are
not needed are skipped, not judged: the service may add what it likes.

What was paid for is not thrown away for the text around it: where that is no JSON, or has not the images that are in
it where they belong, as much as can be read is read, and whole images, and links, are looked for in all of the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from batchgen.core.answer import Image, Missing, Slot, Ticket, Unusable
from batchgen.providers.answers.absence import read_absence
from batchgen.providers.answers.links import is_link, links_in
from batchgen.providers.http.base64_image import images_in, is_data_url, read_image
from batchgen.providers.http.download import MAX_LINK_CHARACTERS
from batchgen.providers.http.inline_images import MAX_OBJECTS, bare_image, cut_out, filled, has_more_objects_than
from batchgen.providers.http.loose_json import read_loosely

# The text around images is short; to read a longer one loosely takes long, and tells no more of its images.
_MAX_LOOSE_BYTES: Final = 1_000_000
_NOT_READ: Final = "the answer cannot be read to its end, and this image is not in what can be read of it"

# What comes before the base64 of an image, in any shape.
_IMAGE_BEGINS: Final = re.compile(
    rb'"(?:(?:b64_json|image_base64)"\s*:\s*"(?=[^"])(?!(?i:https?://))|url"\s*:\s*"(?=\s*+(?i:data:)))'
)


class AnswerError(ValueError):
    """A body in no shape of answer, and without a whole image."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a body holds: its image slots, in the service's order, and the text around them.

    prompt: what all images were made of, where one stands for all; as it was asked for, or enhanced.
    """

    slots: tuple[Slot, ...]
    text: bytes
    prompt: str | None = None


class _Item(msgspec.Struct):
    """One image, by the names of any shape."""

    b64_json: str | None = None
    image_base64: str | None = None
    url: str | None = None
    prompt: object = None  # the enhanced prompt; anything but text is no prompt
    revised_prompt: object = None  # the same, by another name


class _Output(msgspec.Struct):
    choices: list[_Item | None] | None


class _Body(msgspec.Struct):
    data: list[_Item | None] | msgspec.UnsetType | None = msgspec.UNSET
    images: list[_Item | None] | None = None
    prompt: object = None
    output: _Output | None = None


_DECODER: Final = msgspec.json.Decoder(_Body)


def read_contents(body: bytes, max_image_bytes: int, asked: int) -> Contents:
    """Read the body of a success; it has no slots where the safety filter dropped all.

    Args:
        body: The body.
        max_image_bytes: A larger image is Unusable.
        asked: How many images were asked for: of a body that can be read in part, the others are Unusable.

    Raises:
        AnswerError: The body has none of the shapes, and no image in it is whole.
    """
    bare = bare_image(body, max_image_bytes)
    if isinstance(bare, Image):
        return Contents((Slot(bare, None),), b"")
    text, images = cut_out(body, _IMAGE_BEGINS)
    if has_more_objects_than(MAX_OBJECTS, text):
        raise AnswerError("the answer has too many parts")
    problem, prompt = None, None
    try:
        items, prompt = _read_strictly(text)
        slots = _slots(items, images, max_image_bytes)
    except AnswerError as error:
        problem = str(error)  # not the error: it holds this frame, which would hold it, and with it the body
        slots = _slots(_read_in_part(text), images, max_image_bytes)
    if problem or _lack_images(slots, len(images)):
        slots = filled(slots, images_in(body, max_image_bytes))
    if problem or any(isinstance(slot.image, Missing | Unusable) for slot in slots):
        slots = filled(slots, _links_in(text, everywhere=problem is not None))
    if problem:
        if not any(isinstance(slot.image, Image | Ticket) for slot in slots):
            if bare is None:
                raise AnswerError(problem)
            return Contents((Slot(bare, None),), b"")
        if isinstance(slots[-1].image, Missing):  # the answer may have ended before the image of its last slot
            slots = (*slots[:-1], replace(slots[-1], image=Unusable(_NOT_READ)))
        slots += (Slot(Unusable(_NOT_READ), None),) * (asked - len(slots))
    return Contents(slots, text, prompt)


def _read_strictly(text: bytes) -> tuple[Iterable[_Item | None], str | None]:
    try:
        answer = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(f"the answer is not JSON in a known shape ({str(error)[:100]})") from None
    if answer.data is msgspec.UNSET and answer.output is None and answer.images is None:
        raise AnswerError("the answer has neither `data` nor `output`")
    items = answer.data or answer.images or (answer.output and answer.output.choices) or ()
    if len(items) > MAX_OBJECTS:
        raise AnswerError("the answer has too many parts")
    prompt = answer.prompt if answer.images and not answer.data else None
    return items, prompt if isinstance(prompt, str) else None


def _read_in_part(text: bytes) -> Iterable[_Item | None]:
    """What can be read of the items of an answer that cannot be read as a whole."""
    answer = read_loosely(text) if len(text) <= _MAX_LOOSE_BYTES else None
    if isinstance(answer, Mapping):
        output = answer.get("output")
        choices = output.get("choices") if isinstance(output, Mapping) else None
        answer = answer.get("data") or answer.get("images") or choices
    items = [answer] if isinstance(answer, Mapping) else answer if isinstance(answer, list) else ()
    end = text[-MAX_LINK_CHARACTERS:].decode("utf-8", "replace")
    return [_item_of(item, end) for item in items[:MAX_OBJECTS]]


def _links_in(text: bytes, *, everywhere: bool) -> list[Ticket]:
    """The links where images belong, or everywhere: but then not beside an error, where they may be what was sent."""
    answer = read_loosely(text) if len(text) <= _MAX_LOOSE_BYTES else None
    if everywhere and read_absence(text, ""):
        return []
    if isinstance(answer, Mapping) and not everywhere:
        answer = {name: answer.get(name) for name in ("data", "images", "output")}
    return links_in(answer, text[-MAX_LINK_CHARACTERS:].decode("utf-8", "replace"))


def _item_of(item: object, end: str) -> _Item | None:
    """An item of which each value may be anything; a link that the body ends with is not known to be whole."""
    if not isinstance(item, Mapping):
        return None
    texts = {name: value for name, value in item.items() if name in _Item.__struct_fields__ and isinstance(value, str)}
    if texts.get("url") and end.endswith(texts["url"]):
        texts["url"] = ""
    return _Item(**texts)


def _slots(items: Iterable[_Item | None], images: Mapping[str, memoryview], max_image_bytes: int) -> tuple[Slot, ...]:
    return tuple(_slot(item, images, max_image_bytes) for item in items)


def _slot(item: _Item | None, images: Mapping[str, memoryview], max_image_bytes: int) -> Slot:
    if item is None:
        return Slot(Missing("the answer holds null instead of an image"), None)
    enhanced_prompt = next(
        (text for text in (item.prompt, item.revised_prompt) if text and isinstance(text, str)), None
    )
    encoded, url = item.b64_json or item.image_base64, item.url
    if not encoded and url and (url in images or is_data_url(url)):
        encoded = url
    elif encoded and is_link(encoded):
        encoded, url = None, encoded
    if encoded:
        image = images.get(encoded)
        if image is None:
            image = memoryview(encoded.encode("utf-8", "replace"))
        return Slot(read_image(image, max_image_bytes), enhanced_prompt)
    if url and len(url) > MAX_LINK_CHARACTERS:
        return Slot(Unusable(f"the link is {len(url):,} characters long", url.encode()), enhanced_prompt)
    if url:
        return Slot(Ticket(url), enhanced_prompt)
    return Slot(Missing("the answer holds neither an image nor a link"), enhanced_prompt)


def _lack_images(slots: tuple[Slot, ...], in_body: int) -> bool:
    """Whether an answer may hold images that are not in its slots."""
    taken = sum(isinstance(slot.image, Image | Unusable) for slot in slots)
    return not slots or taken < in_body or any(isinstance(slot.image, Missing | Unusable) for slot in slots)
