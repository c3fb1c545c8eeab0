"""Reads the answer to a request for images: slots, or the error that it amounts to.

What a service says of the call, its cost and its id, is read by the service's own wire.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from batchgen.core.answer import Answer, Flagged, Image, Missing, Slot, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.answers.absence import read_absence, with_reasons
from batchgen.providers.answers.contents import AnswerError, Contents, read_contents
from batchgen.providers.answers.flags import with_flags
from batchgen.providers.answers.statuses import kind_of_status
from batchgen.providers.base import HttpResponse
from batchgen.providers.http.redaction import MAX_MESSAGE_CHARACTERS
from batchgen.providers.http.retry_after import wait_asked
from batchgen.providers.http.said import Said, said_in
from batchgen.providers.http.words import explain, message_in, quote


@dataclass(frozen=True, slots=True)
class About:
    """What an answer says of its call: the cost in US dollars and the service's id, None where it does not say it."""

    cost_usd: float | None
    inference_id: str | None


# Reads it from the answer and from its text, which is the body without the images in it.
ReadAbout = Callable[[HttpResponse, bytes], About]


def read_images(
    response: HttpResponse,
    request: ImageRequest,
    max_image_bytes: int,
    read_about: ReadAbout,
    failure: ProviderError | None,
) -> Answer:
    """Return what an answer says. One of unusable slots only is returned, not raised.

    Args:
        response: The answer.
        request: What was asked for.
        max_image_bytes: A larger image is unusable.
        read_about: Reads what the answer says of its call.
        failure: What it amounts to by its status and its end; None for a whole success.

    Raises:
        ProviderError: It holds no image and no link.
    """
    if failure and not (response.broken and response.body):
        raise failure
    contents, problem = Contents((), b""), None
    try:
        contents = read_contents(response.body, max_image_bytes, request.num_images)
    except AnswerError as error:
        problem = str(error)
    if failure and not any(isinstance(slot.image, Image | Ticket) for slot in contents.slots):
        raise failure
    slots = with_reasons(contents.slots, contents.text, request.prompt)
    whole = contents.text if slots else response.body
    if all(map(_is_nothing, slots)) and (absence := read_absence(whole, request.prompt)):
        kind, reason = absence
        # What is in no known form is unreadable, unless it says in known words why there is no image.
        if problem is None or kind is not ErrorKind.NO_IMAGE:
            reason = response.redact(reason, MAX_MESSAGE_CHARACTERS)
            about = read_about(response, response.body)
            raise ProviderError(
                kind,
                reason,
                http_status=response.status,
                cost_usd=about.cost_usd,
                inference_id=about.inference_id,
            )
    if problem is not None:
        raise unreadable(response, problem, read_about)
    about = read_about(response, contents.text)
    if contents.prompt and contents.prompt != request.prompt:
        slots = tuple(replace(slot, enhanced_prompt=slot.enhanced_prompt or contents.prompt) for slot in slots)
    shown = tuple(_shown(slot, response) for slot in slots)
    flagged = tuple(_shown(slot, response) for slot in with_flags(shown, contents.text))
    return Answer(flagged, response.status, about.cost_usd, about.inference_id)


def problem_in(
    response: HttpResponse, read_about: ReadAbout, prompt: str = "", model: str = ""
) -> ProviderError | None:
    """Return the ProviderError that an answer amounts to, None if it is a whole success.

    It is returned and not raised: no frame that holds the words of the service, unmasked, hangs on to it.
    """
    if response.status not in (200, 201):
        message, said = explain(response), said_in(response.body, prompt, model)
        # JSON of any form comes from an application. Of 5xx only the service's own form says that nothing was charged.
        is_own = said is not None and (response.status < 500 or message_in(response.body) is not None)
        kind = kind_of_status(response.status, said or Said(message), is_own=is_own)
        about = read_about(response, response.body)
        return ProviderError(
            kind,
            message,
            http_status=response.status,
            retry_after_s=wait_asked(response.headers, response.body, said.words if said else "", response.received_at),
            cost_usd=about.cost_usd,
            inference_id=about.inference_id,
        )
    if response.broken is not None:
        kind, message = response.broken
        return _failure(response, kind, message, read_about)
    return None


def unreadable(response: HttpResponse, problem: str, read_about: ReadAbout) -> ProviderError:
    """Return the BAD_ANSWER for a success that cannot be read, with a quote of the body."""
    message = f"{response.redact(problem, MAX_MESSAGE_CHARACTERS)}; it begins: {quote(response)}"
    return _failure(response, ErrorKind.BAD_ANSWER, message, read_about)


def _failure(response: HttpResponse, kind: ErrorKind, message: str, read_about: ReadAbout) -> ProviderError:
    """The error of a success, whose body is kept."""
    about = read_about(response, response.body)
    return ProviderError(
        kind,
        message,
        http_status=response.status,
        cost_usd=about.cost_usd,
        inference_id=about.inference_id,
        body=response.body,
    )


def _is_nothing(slot: Slot) -> bool:
    """Whether a slot holds no image, and no verdict of a filter."""
    return isinstance(slot.image, Missing) and not slot.image.blocked


def _shown(slot: Slot, response: HttpResponse) -> Slot:
    """A slot whose reason for having no result is fit to be shown, and whose link is one from anywhere."""
    if isinstance(slot.image, Ticket) and slot.image.url.startswith("/"):
        return replace(slot, image=replace(slot.image, url=urljoin(response.url, slot.image.url)))
    if not isinstance(slot.image, Missing | Flagged):
        return slot
    return replace(slot, image=replace(slot.image, reason=response.redact(slot.image.reason, MAX_MESSAGE_CHARACTERS)))
