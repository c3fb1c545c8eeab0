"""How Black Forest Labs is spoken with: pure functions of values.

Facts are from docs.bfl.ai: `POST /v1/MODEL` answers with a task's id, the address to ask it at, and what it costs in
credits; that address says Pending, Ready with a link, that a filter took it, or that it failed. The service takes no
id of ours and lists no tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Accepted, Answer, JobTicket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.answers.jobs import nothing_of_the_call, object_in, ticket_texts
from batchgen.providers.answers.reading import About, problem_in, read_images, unreadable
from batchgen.providers.base import Gone, HttpCall, HttpResponse, Pending, Unasked
from batchgen.providers.bfl.traits import KEPT_S, TRAITS
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS, MAX_MESSAGE_CHARACTERS
from batchgen.providers.http.request_body import Models, RequestBodies
from batchgen.providers.http.words import explain

_AUTHORIZATION: Final = ("x-key", "")
_USD_PER_CREDIT: Final = 0.01
# In lower case. The documentation has Error, and the answers of some models Failed.
_WORKING: Final = frozenset({"pending", "queued", "processing"})
_MODERATED: Final = frozenset({"request moderated", "content moderated"})
# Found after the work was done, which nothing says to be free.
_PAID: Final = frozenset({"content moderated"})
_FAILED: Final = frozenset({"error", "failed"})

_encode = msgspec.json.Encoder().encode


class BflWire:
    """The wire format of Black Forest Labs.

    Args:
        settings: Where the service is, and how large an image may be.
        models: The provider's models, by name.
    """

    traits = TRAITS

    def __init__(self, settings: ProviderSettings, models: Models) -> None:
        self._bodies = RequestBodies(models, settings.image_transport)
        self._max_image_bytes = settings.http.max_image_bytes

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that gives the service a task."""
        headers = {"Content-Type": "application/json"}
        body = _encode(self._bodies.body(request))
        return HttpCall("POST", f"/v1/{request.model}", headers=headers, body=body, authorization=_AUTHORIZATION)

    def read(self, response: HttpResponse, request: ImageRequest) -> Accepted:
        """Return the task that the service accepted. Raises ProviderError."""
        if failure := _failure(response, request):
            raise failure
        said = object_in(response)
        texts = [said.get(name) for name in ("id", "polling_url")]
        task_id, address = ticket_texts(response, texts, "task")
        until = response.received_at + timedelta(seconds=KEPT_S)
        cost_usd = _cost_usd(said.get("cost"))
        return Accepted(JobTicket(response.redact(task_id, MAX_ID_CHARACTERS), address, address, until, cost_usd))

    def poll(self, ticket: JobTicket) -> HttpCall:
        """Return the call that asks about a task."""
        return HttpCall("GET", ticket.status_url, authorization=_AUTHORIZATION)

    def read_poll(
        self, response: HttpResponse, ticket: JobTicket, request: ImageRequest
    ) -> Answer | Pending | Gone | Unasked:
        """Return how far a task is, and what it has brought. Raises ProviderError if it brought no image."""
        said = object_in(response)
        status = str(said.get("status", "")).lower()
        if status == "task not found":
            return Gone(f"the service says {status}")
        if response.status in (404, 410):
            return Gone(explain(response))
        if failure := _failure(response, request):
            return Unasked(failure)

        def read_about(response: HttpResponse, text: bytes) -> About:
            return About(ticket.cost_usd, ticket.id)

        if status == "ready":
            answer = read_images(response, request, self._max_image_bytes, read_about, None)
            return _with_prompt(answer, said, request)
        if status in _WORKING:
            return Pending(f"the task is {status}")
        if status in _MODERATED | _FAILED:
            kind = ErrorKind.SAFETY if status in _MODERATED else ErrorKind.SERVER_ERROR
            words = response.redact(f"{said['status']}{_reason(said)}", MAX_MESSAGE_CHARACTERS)
            cost_usd = ticket.cost_usd if status in _PAID else None
            raise ProviderError(kind, words, http_status=response.status, cost_usd=cost_usd, inference_id=ticket.id)
        return Unasked(unreadable(response, "the answer does not say how far the task is", nothing_of_the_call))


def _failure(response: HttpResponse, request: ImageRequest) -> ProviderError | None:
    """The error of an answer that is no success."""
    return problem_in(response, nothing_of_the_call, request.prompt, request.model)


def _with_prompt(answer: Answer, said: Mapping[str, Any], request: ImageRequest) -> Answer:
    """An answer with the prompt that was drawn, where that is another than was asked for."""
    result = said.get("result")
    drawn = result.get("prompt") if isinstance(result, Mapping) else None
    if not isinstance(drawn, str) or not drawn or drawn == request.prompt:
        return answer
    return replace(answer, slots=tuple(replace(slot, enhanced_prompt=drawn) for slot in answer.slots))


def _reason(said: Mapping[str, Any]) -> str:
    """What the service says of a task that brought nothing, after a colon; empty if it says nothing."""
    for reason in (said.get("details"), said.get("error"), said.get("result")):
        if isinstance(reason, str) and reason:
            return f": {reason}"
        if isinstance(reason, Mapping | list) and reason:
            return f": {_encode(reason).decode()}"
    return ""


def _cost_usd(said: object) -> float | None:
    """What credits are in US dollars; None for what is no number of them."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    return said * _USD_PER_CREDIT if 0 <= said < math.inf else None
