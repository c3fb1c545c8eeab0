"""OpenAI: its endpoints, and the form of its answers and errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.dialects.openai.models import (
    ANY_MODEL,
    MODELS,
    find_model,
    mistake_in,
    read_order,
    resolved_quality,
    tokens_of_image,
    tokens_of_prompt,
)
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.generate import generate
from batchgen.simulator.headers import bearer_key, require_key
from batchgen.simulator.order import Inline, Item, Order
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE
from batchgen.simulator.settings import SimulatorSettings

# US dollars for a million tokens, from OpenAI's page of gpt-image-2.6.
_TEXT_IN, _IMAGE_OUT = Decimal(5), Decimal(30)
_MILLION = 1_000_000
# Of the errors that a request meets: status, type and code.
_ERRORS = {
    FaultKind.BAD_KEY: (401, "invalid_request_error", "invalid_api_key"),
    FaultKind.NO_CREDITS: (429, "insufficient_quota", "insufficient_quota"),
    FaultKind.NOT_FOUND: (404, "invalid_request_error", "model_not_found"),
    FaultKind.RATE_LIMITED: (429, "requests", "rate_limit_exceeded"),
    FaultKind.SERVER_ERROR: (500, "server_error", None),
}
_NO_CREDITS = "You exceeded your current quota, please check your plan and billing details."
_BLOCKED = (
    "Your request was rejected by the safety system. If you believe this is an error, contact us. "
    "safety_violations=[violence]."
)


class OpenaiDialect:
    """OpenAI's Images API as its documentation describes it."""

    service = "OpenAI"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.post("/v1/images/generations", generate),
            web.get("/v1/models", _list_models),
            web.get("/v1/models/{name}", _show_model),
        ]

    def read_key(self, request: web.Request) -> str | None:
        """Return the bearer token."""
        return bearer_key(request)

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Refuse a wrong body with the name of the field that is wrong, and an unknown model with 404."""
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            raise Refusal(400, "you must provide a model parameter", outcome=FaultKind.BAD_REQUEST)
        model = find_model(body["model"]) or (ANY_MODEL if settings.any_model else None)
        if model is None:
            words = f"The model '{body['model'][:80]}' does not exist or you do not have access to it."
            raise Refusal(404, words, outcome=FaultKind.NOT_FOUND)
        if mistake := mistake_in(model, body):
            raise Refusal(400, mistake[1], outcome=FaultKind.BAD_REQUEST)
        return read_order(body)

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return the price of the tokens; where there are no images, nothing is charged."""
        if not images:
            return Decimal(0)
        return (tokens_of_prompt(order) * _TEXT_IN + images * tokens_of_image(order) * _IMAGE_OUT) / _MILLION

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return the images with the tokens that they count; a blocked request is refused with 400."""
        order, headers = fulfilment.order, {"x-request-id": f"req_{fulfilment.inference_id}"}
        if fulfilment.is_blocked:
            error = _error_body(_BLOCKED, "image_generation_user_error", "moderation_blocked")
            return web.Response(status=400, body=error, content_type="application/json", headers=headers)
        width, height = order.size
        text_in, image_out = tokens_of_prompt(order), len(fulfilment.items) * tokens_of_image(order)
        body = {
            "created": int(time.time()),
            "background": "opaque",
            "data": [_describe(item) for item in fulfilment.items],
            "output_format": str(order.image_format or settings.image_format),
            "quality": resolved_quality(order),
            "size": f"{width}x{height}",
            "usage": {
                "input_tokens": text_in,
                "input_tokens_details": {"text_tokens": text_in, "image_tokens": 0},
                "output_tokens": image_out,
                "output_tokens_details": {"text_tokens": 0, "image_tokens": image_out},
                "total_tokens": text_in + image_out,
            },
        }
        if not settings.announce_cost:
            del body["usage"]
        return web.Response(body=msgspec.json.encode(body), content_type="application/json", headers=headers)

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return a refusal with its type and code."""
        status, kind, code = _error_of(refusal)
        words = _NO_CREDITS if code == "insufficient_quota" else refusal.message
        return status, _error_body(words, kind, code)


def _error_of(refusal: Refusal) -> tuple[int, str, str | None]:
    if refusal.outcome in _ERRORS:
        return _ERRORS[FaultKind(refusal.outcome)]
    if refusal.status == 429:
        return _ERRORS[FaultKind.RATE_LIMITED]
    return refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error", None


def _error_body(message: str, kind: str, code: str | None) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


def _describe(item: Item) -> dict[str, Any]:
    return {"b64_json": msgspec.Raw(item.quoted_base64)} if isinstance(item, Inline) else {"url": item.url}


async def _list_models(request: web.Request) -> web.Response:
    """All models."""
    require_key(request)
    return web.json_response({"object": "list", "data": [_describe_model(model.name) for model in MODELS]})


async def _show_model(request: web.Request) -> web.Response:
    """One model; none of them has a date on which it is shut down."""
    require_key(request)
    name = request.match_info["name"]
    if find_model(name) is None and not request.app[SERVICE].settings.any_model:
        raise Refusal(404, f"The model '{name[:80]}' does not exist.", outcome=FaultKind.NOT_FOUND)
    return web.json_response(_describe_model(name))


def _describe_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "system", "shutdown_date": None}


DIALECT = OpenaiDialect()
