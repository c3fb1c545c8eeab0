"""How the Gemini API is asked for images, and how its answers are read: pure functions of values.

Facts are from Google's SDK and documentation: `POST /v1beta/models/MODEL:generateContent`, the key in `x-goog-api-key`;
the prompt is the text of `contents`, all else stands in `generationConfig`, where the catalog's paths put it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

import msgspec

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Answer, Image, Missing, Slot, Unusable
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.answers.absence import read_absence
from batchgen.providers.answers.contents import AnswerError
from batchgen.providers.answers.reading import About, problem_in, unreadable
from batchgen.providers.base import HttpCall, HttpResponse
from batchgen.providers.gemini.answer import GeminiContents, read_contents
from batchgen.providers.gemini.errors import kind_of_error
from batchgen.providers.gemini.traits import TRAITS
from batchgen.providers.gemini.usage import cost_of_tokens
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS, MAX_MESSAGE_CHARACTERS
from batchgen.providers.http.request_body import Models, RequestBodies

_VERSION: Final = re.compile(r"/v\d\w*(?=/|$)")
_encode = msgspec.json.Encoder().encode


class GeminiWire:
    """The wire format of the Gemini API.

    Args:
        settings: Where the service is, and how large an image may be.
        models: The provider's models, by name.
    """

    traits = TRAITS

    def __init__(self, settings: ProviderSettings, models: Models) -> None:
        self._models = models
        self._bodies = RequestBodies(models, settings.image_transport)
        self._max_image_bytes = settings.http.max_image_bytes
        self._folder = _folder(settings.base_url or TRAITS.base_url)

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that asks for the images of a request. The service takes no id of ours."""
        body: dict[str, Any] = self._bodies.body(request)
        prompt = body.pop("prompt")
        body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], **body}
        body.setdefault("generationConfig", {}).setdefault("responseModalities", ["IMAGE"])
        return HttpCall(
            "POST",
            f"{self._folder}/{request.model}:generateContent",
            headers={"Content-Type": "application/json"},
            body=_encode(body),
            authorization=("x-goog-api-key", ""),
        )

    def read(self, response: HttpResponse, request: ImageRequest) -> Answer:
        """Return what an answer says. One of unusable slots only is returned, not raised. Raises ProviderError."""
        failure = problem_in(response, _nothing, request.prompt, request.model)
        if failure and not response.broken and (kind := kind_of_error(response.body, request.prompt, request.model)):
            failure = failure.but(kind=kind)
        if failure and not (response.broken and response.body):
            raise failure
        contents, problem = GeminiContents(), None
        try:
            contents = read_contents(response.body, self._max_image_bytes)
        except AnswerError as error:
            problem = str(error)  # not the error: its frames hold the body
        if problem is not None:
            raise failure or _not_understood(response, problem, request)
        about = self._about(response, contents, request.model)
        has_image = any(isinstance(slot.image, Image) for slot in contents.slots)
        if failure and not has_image:
            raise failure
        if contents.refusal and not has_image:
            raise _error(response, *contents.refusal, about)
        slots = tuple(_masked(slot, response) for slot in contents.slots)
        served_model = _name(response, contents.said.get("modelVersion"))
        return Answer(slots, response.status, about.cost_usd, about.inference_id, served_model)

    def _about(self, response: HttpResponse, contents: GeminiContents, name: str) -> About:
        model = self._models.get(name)
        rates = model.price.tokens if model is not None and model.price is not None else None
        cost_usd = None if rates is None else cost_of_tokens(contents.said.get("usageMetadata"), rates)
        return About(cost_usd, _name(response, contents.said.get("responseId")))


def _folder(base_url: str) -> str:
    """Where models are, below a base URL with or without the version in it. The transport takes /v1 off its end."""
    if base_url.rstrip("/").endswith("/v1"):
        return "/v1/models"
    _, _, rest = base_url.partition("://")
    return "/models" if _VERSION.search(rest) else "/v1beta/models"


def _name(response: HttpResponse, value: object) -> str | None:
    """An id or a name that the service gives, fit to be shown; None if it gives none."""
    return response.redact(value, MAX_ID_CHARACTERS) if isinstance(value, str) and value else None


def _nothing(response: HttpResponse, text: bytes) -> About:
    """What an error says of its call."""
    return About(None, None)


def _not_understood(response: HttpResponse, problem: str, request: ImageRequest) -> ProviderError:
    """The error of a success that is no answer: what it says in known words, or that nobody can read it."""
    if (absence := read_absence(response.body, request.prompt)) and absence[0] is not ErrorKind.NO_IMAGE:
        return _error(response, *absence, About(None, None))
    return unreadable(response, problem, _nothing)


def _error(response: HttpResponse, kind: ErrorKind, reason: str, about: About) -> ProviderError:
    return ProviderError(
        kind,
        response.redact(reason, MAX_MESSAGE_CHARACTERS),
        http_status=response.status,
        cost_usd=about.cost_usd,
        inference_id=about.inference_id,
    )


def _masked(slot: Slot, response: HttpResponse) -> Slot:
    """A slot whose reason for having no good image, if it has one, is fit to be shown."""
    if not isinstance(slot.image, Missing | Unusable):
        return slot
    return replace(slot, image=replace(slot.image, reason=response.redact(slot.image.reason, MAX_MESSAGE_CHARACTERS)))
