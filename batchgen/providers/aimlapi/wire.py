"""How AI/ML API is asked for images, and how its answers are read: pure functions of values.

Facts are from its documentation: `POST /v1/images/generations`; success is 200 or 201.
"""

from __future__ import annotations

from typing import Final

import msgspec

from batchgen.core.answer import Answer
from batchgen.core.request import ImageRequest
from batchgen.providers.aimlapi.about import read_about
from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.answers.reading import problem_in, read_images
from batchgen.providers.base import HttpCall, HttpResponse
from batchgen.providers.http.request_body import RequestBodies

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
        failure = problem_in(response, read_about, request.prompt, request.model)
        return read_images(response, request, self._max_image_bytes, read_about, failure)
