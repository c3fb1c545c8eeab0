"""From the body of a `generateContent` answer to slots, and why some are empty.

An answer has candidates, each with parts: an image as base64 (`inlineData`), text, or a thought on the way to one of
these, which may be an image too and is no result. The facts are from Google's SDK. An image that cannot be used becomes
an Unusable slot and leaves its neighbours alone.

What was paid for is not thrown away for the text around it: where that is no JSON, or has no image where one belongs,
as much as can be read is read, and whole images are looked for in all of the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from batchgen.core.answer import Image, Missing, Slot, Unusable
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.answers.contents import AnswerError
from batchgen.providers.gemini.verdicts import kind_of_finish
from batchgen.providers.http.base64_image import images_in, read_image
from batchgen.providers.http.inline_images import MAX_OBJECTS, bare_image, cut_out, filled, has_more_objects_than
from batchgen.providers.http.loose_json import read_loosely

_IMAGE_BEGINS: Final = re.compile(rb'"data"\s*:\s*"(?=[^"])')
# The text around images is short; to read a longer one loosely takes long, and tells no more of its images.
_MAX_LOOSE_BYTES: Final = 1_000_000
_NOTHING: Final = "the answer holds no image, and no reason"


@dataclass(frozen=True, slots=True)
class GeminiContents:
    """What a body holds.

    Attributes:
        slots: an image slot for each image, and one without for each candidate that has none.
        refusal: what refused the request as a whole, and its words; None if nothing did.
        said: the decoded answer, with numbers in place of images; empty where it cannot be read.
    """

    slots: tuple[Slot, ...] = ()
    refusal: tuple[ErrorKind, str] | None = None
    said: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_contents(body: bytes, max_image_bytes: int) -> GeminiContents:
    """Read the body of a success.

    Args:
        body: The body.
        max_image_bytes: A larger image is Unusable.

    Raises:
        AnswerError: The body is no such answer, and no image in it is whole.
    """
    bare = bare_image(body, max_image_bytes)
    if isinstance(bare, Image):
        return GeminiContents((Slot(bare, None),))
    text, images = cut_out(body, _IMAGE_BEGINS)
    if has_more_objects_than(MAX_OBJECTS, text):
        raise AnswerError("the answer has too many parts")
    said, problem = _decoded(text)
    candidates = [_Candidate(item, images, max_image_bytes) for item in _objects(said.get("candidates"))]
    slots = tuple(slot for candidate in candidates for slot in candidate.slots())
    refusal = _refusal(said, candidates)
    has_image = any(isinstance(slot.image, Image) for slot in slots)
    is_explained = has_image or refusal is not None or any(candidate.is_blocked for candidate in candidates)
    if problem or not is_explained:
        drafts = {image.data for candidate in candidates for image in candidate.drafts()}
        whole = [image for image in images_in(body, max_image_bytes) if image.data not in drafts]
        slots = filled(slots, whole)
    if problem and not any(isinstance(slot.image, Image) for slot in slots):
        raise AnswerError(problem)
    return GeminiContents(slots, refusal, said)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One of the results that the model offers.

    images: base64 that was cut out of the answer, by what stands in its place.
    """

    said: Mapping[str, Any]
    images: Mapping[str, memoryview]
    max_image_bytes: int

    @property
    def reason(self) -> str:
        """Why the model stopped, in one word; empty if it does not say."""
        reason = self.said.get("finishReason")
        return reason if isinstance(reason, str) else ""

    @property
    def is_blocked(self) -> bool:
        """Whether a filter objects to it."""
        return kind_of_finish(self.reason) is ErrorKind.SAFETY

    @property
    def words(self) -> str:
        """The same for people: the service's message, else what the model says instead of an image."""
        texts = [part["text"] for part in self._parts(thoughts=False) if isinstance(part.get("text"), str)]
        message = self.said.get("finishMessage")
        words = message if isinstance(message, str) and message.strip() else " ".join(texts).strip()
        named = "" if self.reason in ("", "STOP") else self.reason
        return ": ".join(filter(None, (named, words))) or _NOTHING

    def slots(self) -> Iterator[Slot]:
        """Yield its images; none that a filter objects to is a good one."""
        found = list(self._images(thoughts=False))
        for image in found:
            yield Slot(Unusable(self.words, image.data) if self.is_blocked else image, None)
        if not found:
            yield Slot(Missing(self.words, blocked=self.is_blocked), None)

    def drafts(self) -> Iterator[Image]:
        """Yield the images that are thoughts."""
        yield from (image for image in self._images(thoughts=True) if isinstance(image, Image))

    def _images(self, *, thoughts: bool) -> Iterator[Image | Unusable]:
        for part in self._parts(thoughts=thoughts):
            blob = part.get("inlineData")
            encoded = blob.get("data") if isinstance(blob, Mapping) else None
            if isinstance(encoded, str) and encoded:
                image = self.images.get(encoded)
                yield read_image(encoded.encode("utf-8", "replace") if image is None else image, self.max_image_bytes)

    def _parts(self, *, thoughts: bool) -> Iterator[Mapping[str, Any]]:
        content = self.said.get("content")
        parts = content.get("parts") if isinstance(content, Mapping) else None
        yield from (part for part in _objects(parts) if bool(part.get("thought")) is thoughts)


def _decoded(text: bytes) -> tuple[Mapping[str, Any], str | None]:
    """An answer as far as it can be read, and what is wrong with it, None if nothing is."""
    problem = None
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = f"the answer is not JSON ({str(error)[:100]})"
        said = read_loosely(text) if len(text) <= _MAX_LOOSE_BYTES else None
    if not isinstance(said, Mapping):
        return {}, problem or "the answer is no object"
    if problem is None and not isinstance(said.get("candidates"), list) and not said.get("promptFeedback"):
        problem = "the answer has neither `candidates` nor `promptFeedback`"
    return said, problem


def _refusal(said: Mapping[str, Any], candidates: Iterable[_Candidate]) -> tuple[ErrorKind, str] | None:
    """What refused the request: the filter of prompts, or an account that is not served any more."""
    for candidate in candidates:
        if kind_of_finish(candidate.reason) is ErrorKind.ACCOUNT:
            return ErrorKind.ACCOUNT, candidate.words
    feedback = said.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, Mapping) else None
    if not isinstance(reason, str) or not reason:
        return None
    message = feedback.get("blockReasonMessage") if isinstance(feedback, Mapping) else None
    words = message if isinstance(message, str) and message.strip() else "the service's filter blocked the prompt"
    return ErrorKind.SAFETY, f"{reason}: {words}"


def _objects(items: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, or none where there is no list."""
    yield from (item for item in items if isinstance(item, Mapping)) if isinstance(items, list) else ()
