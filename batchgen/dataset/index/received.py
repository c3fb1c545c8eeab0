"""What is known of an answer or an error once the bytes of its images are on their way to the disk.

These values, with the request and its attempts, are all that index records are made of; the WAL keeps them.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec

from batchgen.core.answer import Answer, Flagged, Image, Missing, Slot, Ticket, Unusable
from batchgen.core.cost import Usd
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import Number
from batchgen.dataset.layout import ImageName


class ImageFile(msgspec.Struct, frozen=True, gc=False):
    """An image and the name that it is kept under."""

    name: ImageName
    size_bytes: Number
    sha256: str  # in hexadecimal
    width: int  # pixels
    height: int  # pixels
    mime_type: str


class ReceivedSlot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One image slot of an answer: an image, or what is wrong with it.

    url: where the image was fetched from, or waits. problem: why it was not fetched yet. unusable: why what was
    received cannot be used. missing: why nothing was received; blocked: whether a safety filter dropped or spoilt it.
    """

    image: ImageFile | None = None
    url: str | None = None
    problem: str | None = None
    unusable: str | None = None
    missing: str | None = None
    blocked: bool = False
    enhanced_prompt: str | None = None


class ReceivedAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer without bytes. cost_usd, served_model: as the service said, None if it did not."""

    slots: tuple[ReceivedSlot, ...]
    http_status: int
    cost_usd: Usd | None = None
    inference_id: str | None = None
    served_model: str | None = None

    @property
    def images(self) -> int:
        """How many images came, usable or not: what may have been charged."""
        return sum(slot.missing is None for slot in self.slots)


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt gave no usable answer."""

    kind: ErrorKind
    message: str
    http_status: int | None = None
    inference_id: str | None = None


def received_answer(answer: Answer, name_of: Callable[[int, Image], str]) -> ReceivedAnswer:
    """Describe an answer. name_of: gives the name for the image of a slot, by its position in the answer."""
    slots = tuple(_received(slot, position, name_of) for position, slot in enumerate(answer.slots))
    return ReceivedAnswer(slots, answer.http_status, answer.cost_usd, answer.inference_id, answer.served_model)


def image_file(image: Image, name: str) -> ImageFile:
    """Describe an image that is kept under `name`."""
    digest = sha256(image.data).hexdigest()
    return ImageFile(name, len(image.data), digest, image.width, image.height, image.mime_type)


def failure(error: ProviderError) -> Failure:
    """Describe an error."""
    return Failure(error.kind, error.message, error.http_status, error.inference_id)


def _received(slot: Slot, position: int, name_of: Callable[[int, Image], str]) -> ReceivedSlot:
    match slot.image:
        case Image() as image:
            file = image_file(image, name_of(position, image))
            return ReceivedSlot(file, slot.url, enhanced_prompt=slot.enhanced_prompt)
        case Ticket(url, problem):
            return ReceivedSlot(url=url, problem=problem, enhanced_prompt=slot.enhanced_prompt)
        case Unusable(reason):
            return ReceivedSlot(unusable=reason, enhanced_prompt=slot.enhanced_prompt)
        case Flagged(reason):
            return ReceivedSlot(unusable=reason, blocked=True, enhanced_prompt=slot.enhanced_prompt)
        case Missing(reason, blocked):
            return ReceivedSlot(missing=reason, blocked=bool(blocked), enhanced_prompt=slot.enhanced_prompt)
