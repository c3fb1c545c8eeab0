"""How OpenAI's Images API is asked, and how its answers are read: pure functions of values.

Facts are from OpenAI's documentation and SDK: `POST /images/generations` below a base URL that ends with the version,
the id of a call in `x-request-id`, tokens in `usage`, `x-should-retry` as the service's own word on trying again. A
LiteLLM proxy says the cost in `x-litellm-response-cost`. `X-Client-Request-Id` is the caller's own id, for support.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from batchgen.catalog import Model
from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Answer
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Affects, Charged, ErrorKind, policy_of
from batchgen.core.request import ImageRequest
from batchgen.providers.answers.header_cost import parse_cost
from batchgen.providers.answers.reading import About, problem_in, read_images
from batchgen.providers.base import HttpCall, HttpResponse
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS
from batchgen.providers.http.request_body import Models, RequestBodies
from batchgen.providers.openai.traits import traits_of
from batchgen.providers.openai.usage import cost_of_tokens

_ATTEMPT_ID: Final = "X-Client-Request-Id"
_encode = msgspec.json.Encoder().encode


class OpenaiWire:
    """The wire format of OpenAI's Images API.

    Args:
        settings: Where the service is, and how large an image may be.
        models: The provider's models, by name.
    """

    def __init__(self, settings: ProviderSettings, models: Models) -> None:
        self.traits: Final = traits_of(settings)
        self._models = models
        self._bodies = RequestBodies(models, settings.image_transport)
        self._max_image_bytes = settings.http.max_image_bytes
        self._path = _path(settings.base_url or self.traits.base_url)

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that asks for the images of a request."""
        body = {"model": request.model, **self._bodies.body(request)}
        headers = {"Content-Type": "application/json", _ATTEMPT_ID: attempt_id}
        return HttpCall("POST", self._path, headers=headers, body=_encode(body), echoed=_ATTEMPT_ID)

    def read(self, response: HttpResponse, request: ImageRequest) -> Answer:
        """Return what an answer says. One of unusable slots only is returned, not raised. Raises ProviderError."""
        model = self._models.get(request.model)

        def read_about(response: HttpResponse, text: bytes) -> About:
            return _about(response, text, model)

        failure = problem_in(response, read_about, request.prompt, request.model)
        if failure is not None:
            failure = _of_its_kind(failure, response.headers)
        return read_images(response, request, self._max_image_bytes, read_about, failure)


def _path(base_url: str) -> str:
    """Where images are asked for: below the version, which many leave out who name a server of their own."""
    _, _, rest = base_url.rstrip("/").partition("://")
    has_path = "/" in rest
    # The transport takes /v1 off the end of a base URL.
    return "/images/generations" if has_path and not rest.endswith("/v1") else "/v1/images/generations"


def _of_its_kind(failure: ProviderError, headers: Mapping[str, str]) -> ProviderError:
    """A failure as this service means it, where statuses alone tell less."""
    if failure.http_status == 403 and failure.kind is ErrorKind.UNEXPLAINED:
        return failure.but(kind=ErrorKind.ACCOUNT)  # a region, or an organisation that is not verified
    policy = policy_of(failure.kind)
    said = headers.get("x-should-retry", "").strip().lower()
    if policy.charged is not Charged.NO:
        return failure  # whether it was charged counts more than whether to ask again
    if said == "false" and policy.affects is Affects.RATE:
        return failure.but(kind=ErrorKind.QUOTA)
    if said == "false" and failure.kind is ErrorKind.SERVER_ERROR:
        return failure.but(kind=ErrorKind.BAD_REQUEST)
    if said == "true" and failure.kind is ErrorKind.BAD_REQUEST:
        return failure.but(kind=ErrorKind.SERVER_ERROR)
    return failure


def _about(response: HttpResponse, text: bytes, model: Model | None) -> About:
    call_id = response.headers.get("x-request-id")
    cost_usd = parse_cost(response.headers.get("x-litellm-response-cost"))
    if cost_usd is None and model is not None and model.price is not None and model.price.tokens is not None:
        cost_usd = cost_of_tokens(text, model.price.tokens)
    return About(cost_usd, response.redact(call_id, MAX_ID_CHARACTERS) if call_id else None)
