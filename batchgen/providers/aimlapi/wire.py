"""How AI/ML API is asked for images, and how its answers are read: pure functions of values.

Facts are from its documentation: `POST /v1/images/generations`, the cost of a call in `x-aimlapi-usd-spent`, its id
in `x-inference-id`. Success is 200 or 201.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypedDict

import msgspec

from batchgen.core.answer import Answer, Image, Missing, Slot, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.aimlapi.absence import read_absence, with_reasons
from batchgen.providers.aimlapi.answer import AnswerError, Contents, read_contents
from batchgen.providers.aimlapi.body_cost import cost_in
from batchgen.providers.aimlapi.errors import kind_of_status, parse_cost
from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.base import HttpCall, HttpResponse
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS, MAX_MESSAGE_CHARACTERS
from batchgen.providers.http.request_body import RequestBodies
from batchgen.providers.http.retry_after import wait_asked
from batchgen.providers.http.said import Said, said_in
from batchgen.providers.http.words import explain, message_in, quote

# The service sends it back with its answer, and names it in its log.
_ATTEMPT_ID: Final = "X-Client-Request-Id"

_encode = msgspec.json.Encoder().encode


class AimlapiWire:
    """The wire format of AI/ML API.

    Args:
        max_image_bytes: A larger image is unusable.
        bodies: Makes the bodies of requests.
    """

    traits = TRAITS

    def __init__(self, max_image_bytes: int, bodies: RequestBodies) -> None:
        self._max_image_bytes = max_image_bytes
        self._bodies = bodies

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that asks for the images of a request.

        attempt_id: 1 to 128 characters out of A-Z a-z 0-9 . _ : - (the service drops others silently).
        """
        body = {"model": request.model, **self._bodies.body(request)}
        headers = {"Content-Type": "application/json", _ATTEMPT_ID: attempt_id}
        return HttpCall("POST", "/v1/images/generations", headers=headers, body=_encode(body), echoed=_ATTEMPT_ID)

    def read(self, response: HttpResponse, request: ImageRequest) -> Answer:
        """Return what an answer says. One of unusable slots only is returned, not raised. Raises ProviderError."""
        failure = problem_in(response, request.prompt, request.model)
        if failure and not (response.broken and response.body):
            raise failure
        contents, problem = Contents((), b""), None
        try:
            contents = read_contents(response.body, self._max_image_bytes, request.num_images)
        except AnswerError as error:
            problem = str(error)
        if failure and not any(isinstance(slot.image, Image | Ticket) for slot in contents.slots):
            raise failure
        slots = contents.slots
        if not slots and (absence := read_absence(response.body, request.prompt)):
            kind, reason = absence
            # What is in no known form is unreadable, unless it says in known words why there is no image.
            if problem is None or kind is not ErrorKind.NO_IMAGE:
                reason = response.redact(reason, MAX_MESSAGE_CHARACTERS)
                raise ProviderError(kind, reason, http_status=response.status, **_about(response))
        if problem is not None:
            raise unreadable(response, problem)
        reasoned = with_reasons(slots, contents.text, request.prompt)
        about = _about(response, contents.text)
        return Answer(tuple(_masked(slot, response) for slot in reasoned), response.status, **about)


def _masked(slot: Slot, response: HttpResponse) -> Slot:
    """A slot whose reason for being empty, if it has one, is fit to be shown."""
    if not isinstance(slot.image, Missing):
        return slot
    return replace(slot, image=replace(slot.image, reason=response.redact(slot.image.reason, MAX_MESSAGE_CHARACTERS)))


class _About(TypedDict):
    cost_usd: float | None
    inference_id: str | None


def problem_in(response: HttpResponse, prompt: str = "", model: str = "") -> ProviderError | None:
    """Return the ProviderError that an answer amounts to, None if it is a whole success.

    It is returned and not raised: no frame that holds the words of the service, unmasked, hangs on to it.
    """
    if response.status not in (200, 201):
        message, said = explain(response), said_in(response.body, prompt, model)
        # JSON of any form comes from an application. Of 5xx only the service's own form says that nothing was charged.
        is_own = said is not None and (response.status < 500 or message_in(response.body) is not None)
        kind = kind_of_status(response.status, said or Said(message), is_own=is_own)
        return ProviderError(
            kind,
            message,
            http_status=response.status,
            retry_after_s=wait_asked(response.headers, response.body, said.words if said else "", response.received_at),
            **_about(response),
        )
    if response.broken is not None:
        kind, message = response.broken
        return ProviderError(kind, message, http_status=response.status, body=response.body, **_about(response))
    return None


def unreadable(response: HttpResponse, problem: str) -> ProviderError:
    """Return the BAD_ANSWER for a success that cannot be read, with a quote of the body."""
    return ProviderError(
        ErrorKind.BAD_ANSWER,
        f"{response.redact(problem, MAX_MESSAGE_CHARACTERS)}; it begins: {quote(response)}",
        http_status=response.status,
        body=response.body,
        **_about(response),
    )


def _about(response: HttpResponse, text: bytes | None = None) -> _About:
    """What an answer says of itself: its cost in US dollars and its id, None where it does not say it.

    text: the body, if not `response.body`; it tells the cost where no header does.
    """
    inference_id = response.headers.get("x-inference-id")
    cost_usd = parse_cost(response.headers.get("x-aimlapi-usd-spent"))
    return {
        "cost_usd": cost_in(response.body if text is None else text) if cost_usd is None else cost_usd,
        "inference_id": response.redact(inference_id, MAX_ID_CHARACTERS) if inference_id else None,
    }
