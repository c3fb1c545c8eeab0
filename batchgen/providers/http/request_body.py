"""A request as the JSON object that its service takes: the fields of the model's catalog file, where they belong.

The manifest has one word for one thing (`num_images`, `size`); the catalog says how a model calls it, where in the
object it stands (`generationConfig.imageConfig.aspectRatio`) and, of a size, how it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchgen.catalog import Field, Model, Value
from batchgen.config.settings import ImageTransport
from batchgen.core.request import ImageRequest

# Models of the catalog by name.
Models = Mapping[str, Model]


class RequestBodies:
    """Makes the bodies of the requests of one provider.

    Args:
        models: The provider's models, by name.
        image_transport: How images are to travel, where the model leaves the choice.
    """

    def __init__(self, models: Models, image_transport: ImageTransport) -> None:
        self._transport = {name: dict(_transport(model, image_transport)) for name, model in models.items()}
        self._placed = {name: _placed(model) for name, model in models.items()}
        self._defaults = {name: _defaults(model) for name, model in models.items()}

    def body(self, request: ImageRequest) -> dict[str, Any]:
        """Return the object for a request, without the model's name: prompt, seed, transport, then its params."""
        seed = {} if request.seed is None else {"seed": request.seed}
        values = {"prompt": request.prompt, **seed, **self._transport.get(request.model, {}), **request.params}
        if not (placed := self._placed.get(request.model)):
            return values
        body: dict[str, Any] = {}
        for name, value in values.items():
            if name in placed:
                placed[name].put(body, name, value)
            else:
                body[name] = value
        return body

    def is_body_of(self, asked: Mapping[str, Any], request: ImageRequest) -> bool:
        """Whether a service that says what it was asked for means this request.

        It may have put in defaults, and fields of its own; a value that the request does not ask for makes it another.
        """
        sent = self.body(request)
        if any(name not in asked or asked[name] != value for name, value in sent.items()):
            return False
        defaults = self._defaults.get(request.model, {})
        beside = (name for name, value in asked.items() if name not in sent and value is not None)
        return all(asked[name] == defaults.get(name, asked[name]) for name in beside)


def _transport(model: Model, image_transport: ImageTransport) -> Mapping[str, Value]:
    if model.transport is None:
        return {}
    name, choice = model.transport
    return {name: choice.link if image_transport == "url" else choice.base64}


def _placed(model: Model) -> Mapping[str, Field]:
    """The fields that are not written as they are, under their own names."""
    return {name: field for name, field in model.fields.items() if field.path or field.size}


def _defaults(model: Model) -> Mapping[str, Value | None]:
    """What the service uses for each field where nothing is sent, by its name on the wire; None where nobody says."""
    return {field.path or name: field.default for name, field in model.fields.items()}
