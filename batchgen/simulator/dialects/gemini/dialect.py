"""The Gemini API: its endpoints, and the form of its answers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.dialects.gemini.errors import format_error
from batchgen.simulator.dialects.gemini.models import MODELS, Tokens, find_model, model_of, tokens_of
from batchgen.simulator.dialects.gemini.request import read_body
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.generate import generate
from batchgen.simulator.headers import require_key
from batchgen.simulator.order import Inline, Order
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE
from batchgen.simulator.settings import ImageContent, ImageFormat, SimulatorSettings

# Google's client asks for v1 since its version 3, and for v1beta before; REST examples have v1beta.
_VERSION = r"/{version:v1(?:beta)?}"
_BLOCKED = "Unable to show the generated image: it may violate Google's policies. Try rephrasing the prompt."


class GeminiDialect:
    """The Gemini API as its SDK and documentation describe it."""

    service = "Gemini API"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.post(f"{_VERSION}/models/{{model:[^/:]+}}:generateContent", generate),
            web.get(f"{_VERSION}/models", _list_models),
            web.get(f"{_VERSION}/models/{{model:[^/:]+}}", _show_model),
        ]

    def read_key(self, request: web.Request) -> str | None:
        """Return the key of the header x-goog-api-key, or of the query."""
        return request.headers.get("x-goog-api-key") or request.query.get("key")

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Refuse an unknown model with 404, and a wrong body with the name of what is wrong."""
        return read_body(_known(request.match_info["model"], settings), body)

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return the price of the tokens; those of the prompt are charged where the filter took the images, too."""
        return tokens_of(order, images).price(model_of(order))

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return the image in a candidate; where there is none, the candidate says why in `finishReason`."""
        order, items = fulfilment.order, fulfilment.items
        is_drawn = settings.image_content is ImageContent.DRAWN
        mime_type = f"image/{settings.image_format if is_drawn else ImageFormat.PNG}"
        candidate: dict[str, Any] = {"finishReason": "STOP", "index": 0}
        parts = [_part(item, mime_type) for item in items if isinstance(item, Inline)]
        if parts:
            candidate["content"] = {"parts": parts, "role": "model"}
        elif fulfilment.is_blocked:
            candidate |= {"finishReason": "SAFETY", "finishMessage": _BLOCKED}
        else:
            candidate |= {"finishReason": "NO_IMAGE"}
        body: dict[str, Any] = {"candidates": [candidate], "modelVersion": order.model}
        body["responseId"] = fulfilment.inference_id
        if settings.announce_cost:
            body["usageMetadata"] = _usage(tokens_of(order, len(items)))
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return a refusal in the form of Google's APIs."""
        return format_error(refusal)


def _part(item: Inline, mime_type: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime_type, "data": msgspec.Raw(item.quoted_base64)}}


def _usage(tokens: Tokens) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "promptTokenCount": tokens.text_in,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.text_in}],
        "totalTokenCount": tokens.text_in + tokens.image_out + tokens.thoughts,
    }
    if tokens.image_out:
        usage["candidatesTokenCount"] = tokens.image_out
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": tokens.image_out}]
        usage["thoughtsTokenCount"] = tokens.thoughts
    return usage


async def _list_models(request: web.Request) -> web.Response:
    """All models."""
    require_key(request)
    return web.json_response({"models": [_describe(model.name) for model in MODELS]})


async def _show_model(request: web.Request) -> web.Response:
    """One model."""
    require_key(request)
    return web.json_response(_describe(_known(request.match_info["model"], request.app[SERVICE].settings)))


def _known(name: str, settings: SimulatorSettings) -> str:
    """The name of a model that is served. Raises Refusal."""
    if find_model(name) is None and not settings.any_model:
        words = (
            f"models/{name[:80]} is not found for API version v1beta, or is not supported for generateContent. "
            "Call ListModels to see the list of available models and their supported methods."
        )
        raise Refusal(404, words, outcome=FaultKind.NOT_FOUND)
    return name


def _describe(name: str) -> dict[str, Any]:
    return {"name": f"models/{name}", "version": "001", "supportedGenerationMethods": ["generateContent"]}


DIALECT = GeminiDialect()
