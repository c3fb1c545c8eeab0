"""How a service that is described is asked, and how its answers are read: pure functions of values and settings.

What an answer holds is brought into the one form that all answers are read in; an image that comes without any JSON,
and a success in another form than described, are read as those of any service are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import msgspec

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Answer
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.answers.absence import read_absence
from batchgen.providers.answers.header_cost import parse_cost
from batchgen.providers.answers.reading import About, problem_in, read_images
from batchgen.providers.base import HttpCall, HttpResponse
from batchgen.providers.described.places import at, put
from batchgen.providers.described.traits import traits_of
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS, MAX_MESSAGE_CHARACTERS
from batchgen.providers.http.request_body import Models, RequestBodies

_encode = msgspec.json.Encoder().encode


class DescribedWire:
    """The wire format of a service that is described.

    Args:
        settings: Where the service is, how it is spoken with, and how large an image may be.
        models: The provider's models, by name.
    """

    def __init__(self, settings: ProviderSettings, models: Models) -> None:
        self.traits: Final = traits_of(settings)
        self._said: Final = settings.wire
        self._bodies = RequestBodies(models, settings.image_transport)
        self._max_image_bytes = settings.http.max_image_bytes

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that asks for the images of a request."""
        said = self._said
        body = self._bodies.body(request)
        if said.model is not None:
            put(body, said.model, request.model)
        scheme = "Bearer" if said.key_scheme is None else said.key_scheme
        return HttpCall(
            "POST",
            (said.path or "").replace("{model}", quote(request.model)),
            query=said.query or {},
            headers={"Content-Type": "application/json", **(said.headers or {})},
            body=_encode(body),
            authorization=(said.key_header or "Authorization", f"{scheme} " if scheme else ""),
        )

    def read(self, response: HttpResponse, request: ImageRequest) -> Answer:
        """Return what an answer says. One of unusable slots only is returned, not raised. Raises ProviderError."""
        body = _decoded(response.body)

        def read_about(response: HttpResponse, text: bytes) -> About:
            return self._about(response, body)

        failure = problem_in(response, read_about, request.prompt, request.model)
        if failure is not None:
            failure = self._of_its_meaning(failure)
        elif error := at(body, self._said.error):
            raise self._of_its_meaning(_error_in_a_success(response, error, self._about(response, body), request))
        whole = response if body is None else replace(response, body=self._in_one_form(response.body, body))
        return read_images(whole, request, self._max_image_bytes, read_about, failure)

    def _in_one_form(self, content: bytes, body: object) -> bytes:
        """The body with its images where they are looked for; as it came, if they are not where they are said to be."""
        said = self._said
        if said.items is None and said.base64 is None and said.link is None:
            return content
        found = body if said.items is None else at(body, said.items)
        items = found if isinstance(found, list) else [found]
        images = [self._image(item) for item in items if item is not None]
        if not any(image.keys() & {"b64_json", "url"} for image in images):
            return content
        return _encode({"data": images})

    def _image(self, item: object) -> dict[str, Any]:
        said = self._said
        image: dict[str, Any] = {"revised_prompt": at(item, said.prompt)}
        if isinstance(item, str):
            return image | {"url" if item.startswith(("http://", "https://", "data:")) else "b64_json": item}
        if isinstance(base64 := at(item, said.base64), str):
            image["url" if base64[:5] == "data:" else "b64_json"] = base64
        elif isinstance(link := at(item, said.link), str):
            image["url"] = link
        if at(item, said.unsafe) is True:
            image["nsfw"] = True
        return image

    def _of_its_meaning(self, failure: ProviderError) -> ProviderError:
        """A failure as the user says that its words are meant."""
        said = failure.message.casefold()
        for words, meaning in (self._said.meanings or {}).items():
            if words.casefold() in said:
                return failure.but(kind=ErrorKind(meaning))
        return failure

    def _about(self, response: HttpResponse, body: object) -> About:
        said = self._said
        call_id = response.headers.get((said.request_id_header or "x-request-id").lower())
        cost = parse_cost(response.headers.get(said.cost_header.lower())) if said.cost_header else None
        if cost is None:
            cost = _number(at(body, said.cost))
        cost_usd = None if cost is None else cost * (said.cost_unit_usd or 1.0)
        return About(cost_usd, response.redact(call_id, MAX_ID_CHARACTERS) if call_id else None)


def _error_in_a_success(response: HttpResponse, error: object, about: About, request: ImageRequest) -> ProviderError:
    """The error that an answer with status 200 tells of, of the kind that its words say."""
    text = error if isinstance(error, str) else _encode(error).decode()
    absence = read_absence(_encode({"error": text}), request.prompt)
    return ProviderError(
        absence[0] if absence else ErrorKind.NO_IMAGE,
        response.redact(text, MAX_MESSAGE_CHARACTERS),
        http_status=response.status,
        cost_usd=about.cost_usd,
        inference_id=about.inference_id,
    )


def _number(value: object) -> float | None:
    """A number, also one that is written as text; None for what is none, or below 0."""
    if isinstance(value, str):
        return parse_cost(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None


def _decoded(content: bytes) -> object:
    """What a body says as JSON; None for what is none."""
    try:
        decoded: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return decoded if isinstance(decoded, Mapping | list) else None
