"""What an answer amounts to, slot by slot: images, slots that a filter dropped, and those that came without a word.

A service whose filter drops images in silence gives fewer than were asked for, and to ask again gives the same; its
model's file in the catalog says so. Of all others a slot without image and reason is an error of the moment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from batchgen.core.answer import Answer, Missing, Slot, Unusable
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest

_NOTHING: Final = "the answer holds no image, and no reason"
_DROPPED: Final = "the service returned no image for this slot: its safety filter dropped it"
_FEWER: Final = "the service returned no image for this slot, and no reason"


def judge(answer: Answer, request: ImageRequest, drops_blocked: bool) -> Answer | ProviderError:
    """Return an answer with a slot for each image that was asked for, or the error that it amounts to.

    Args:
        answer: As the provider read it.
        request: What was asked for.
        drops_blocked: Whether the model's filter drops images in silence.
    """
    absent = request.num_images - len(answer.slots)
    slots = [*answer.slots, *[Slot(Missing(_FEWER), None)] * absent]
    if request.prior.held:  # what is still missing of the request is for images to fill
        slots.sort(key=lambda slot: isinstance(slot.image, Missing))
    whole = replace(answer, slots=tuple(slots))
    if drops_blocked:
        whole = replace(whole, slots=tuple(map(_dropped, whole.slots)))
    return _error_of(whole, is_silent=not answer.slots) or whole


def _dropped(slot: Slot) -> Slot:
    if not isinstance(slot.image, Missing) or slot.image.blocked is not None:
        return slot
    return replace(slot, image=Missing(_DROPPED, blocked=True))


def _error_of(answer: Answer, is_silent: bool) -> ProviderError | None:
    """The error that an answer is without a usable image and without a verdict: one of either makes it an answer."""
    spoilt = [slot.image.reason for slot in answer.slots if isinstance(slot.image, Unusable)]
    missing = [slot.image.reason for slot in answer.slots if isinstance(slot.image, Missing) and not slot.image.blocked]
    if not answer.slots or len(spoilt) + len(missing) < len(answer.slots):
        return None
    kind = ErrorKind.BAD_IMAGE if spoilt else ErrorKind.NO_IMAGE
    return ProviderError(
        kind,
        _NOTHING if is_silent else [*spoilt, *missing][0],
        http_status=answer.http_status,
        cost_usd=answer.cost_usd,
        inference_id=answer.inference_id,
    )
