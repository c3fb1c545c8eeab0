"""AI/ML API: its endpoints, and the form of its answers and errors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from aiohttp import web

from batchgen.simulator.dialects.aimlapi import answers
from batchgen.simulator.dialects.aimlapi.account import list_logs, list_models, show_billing
from batchgen.simulator.dialects.aimlapi.models import check_body, find_model, made_up_model, read_order
from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.generate import generate
from batchgen.simulator.headers import bearer_key
from batchgen.simulator.order import Order
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.settings import SimulatorSettings

# The documentation does not state what a credit costs; the simulator may use any rate.
CREDITS_PER_USD = 2_000_000


class AimlapiDialect:
    """AI/ML API as its documentation describes it."""

    service = "AI/ML API"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.post("/v1/images/generations", generate),
            web.get("/v1/models", list_models),
            web.get("/v2/billing", show_billing),
            web.get("/v2/logs", list_logs),
        ]

    def read_key(self, request: web.Request) -> str | None:
        """Return the bearer token."""
        return bearer_key(request)

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Refuse a wrong body with hints, and an unknown model with 404 unless every model is accepted."""
        if not isinstance(body, dict):
            _refuse_body(["Expected object"])
        name = body.get("model")
        if not isinstance(name, str):
            _refuse_body(["model: Expected string"])
        model = find_model(name) or (made_up_model(name, body) if settings.any_model else None)
        if model is None:
            raise Refusal(404, f"The model {name[:80]!r} was not found", outcome=FaultKind.NOT_FOUND)
        hints = check_body(model, body)
        if hints:
            _refuse_body(hints)
        return read_order(model, body)

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return one price for all models."""
        return Decimal(str(settings.price_usd)) * images

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return the images; of a blocked request there are none, without a word."""
        credits_used = int(fulfilment.usd * CREDITS_PER_USD)
        headers = {"x-inference-id": fulfilment.inference_id}
        if settings.announce_cost:
            headers |= {"x-aimlapi-usd-spent": str(fulfilment.usd), "x-aimlapi-credits-used": str(credits_used)}
        order = fulfilment.order
        enhanced = answers.enhance(order.prompt) if settings.enhance and order.enhance else None
        said_credits = credits_used if settings.announce_cost else None
        body = answers.format_answer(settings, fulfilment.items, order, enhanced, said_credits)
        return web.Response(body=body, status=settings.success_status, content_type="application/json", headers=headers)

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return a refusal with its path, id and time."""
        error = {
            "message": refusal.message,
            "path": path,
            "requestId": request_id,
            "statusCode": refusal.status,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return refusal.status, json.dumps(error).encode()


def _refuse_body(hints: list[str]) -> NoReturn:
    raise Refusal(400, "; ".join(["Body validation error", *hints]), outcome=FaultKind.BAD_REQUEST)


DIALECT = AimlapiDialect()
