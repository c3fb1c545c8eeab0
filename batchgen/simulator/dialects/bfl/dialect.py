"""Black Forest Labs: the endpoints of its tasks, and the form of its answers and errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from aiohttp import web

from batchgen.simulator.accepting import accept
from batchgen.simulator.checks import Choice, Field, Switch, Text, Whole, check
from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.headers import require_key
from batchgen.simulator.order import Linked, Order, Size
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE
from batchgen.simulator.settings import ImageFormat, SimulatorSettings

_TASKS_AT_ONCE = 24
_TASK_ID = "x-task-id"  # of the simulator's own: how the made answer finds its way into the queue
# What the FLUX.2 models have in common, and flex alone. Other fields are ignored.
_FIELDS: Mapping[str, Field] = {
    "prompt": Text(longest=32_000),
    "seed": Whole(-(2**63), 2**63 - 1),
    "safety_tolerance": Whole(0, 6),
    "output_format": Choice(("jpeg", "png", "webp")),
    "prompt_upsampling": Switch(),
    "steps": Whole(1, 50),
}
_MODELS = frozenset(
    {
        "flux-2-pro",
        "flux-2-pro-preview",
        "flux-2-max",
        "flux-2-flex",
        "flux-2-klein-4b",
        "flux-2-klein-9b",
        "flux-2-klein-9b-preview",
        "flux-kontext-max",
        "flux-kontext-pro",
        "flux-pro-1.1-ultra",
        "flux-pro-1.1",
        "flux-pro",
        "flux-dev",
    }
)


class BflDialect:
    """The service of Black Forest Labs as its documentation describes it."""

    service = "Black Forest Labs"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/v1/get_result", _show_result),
            web.get("/v1/credits", _show_credits),
            web.post("/v1/{model}", _submit),
        ]

    def read_key(self, request: web.Request) -> str | None:
        """Return the key of the header `x-key`."""
        return request.headers.get("x-key")

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Refuse a model that there is not, and a wrong body with the name of the field that is wrong."""
        model = request.match_info["model"]
        if model not in _MODELS and not settings.any_model:
            raise Refusal(404, "Not Found", outcome=FaultKind.NOT_FOUND)
        wrong = _mistake(body)
        if wrong is not None:
            raise Refusal(422, f"{wrong[0]}: {wrong[1]}", outcome=FaultKind.BAD_REQUEST)
        return Order(
            model=model,
            prompt=body["prompt"],
            num_images=1,
            seed=body.get("seed"),
            enhance=bool(body.get("prompt_upsampling", False)),
            watermark=False,
            size=_size(body),
            as_link=True,
            image_format=ImageFormat(body.get("output_format") or "jpeg"),
            asked=body,
        )

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return the price of so many images."""
        return images * Decimal(str(settings.price_usd))

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return what is shown of a task that has ended."""
        order = fulfilment.order
        result: dict[str, Any] = {"id": fulfilment.inference_id, "progress": 1.0, "details": None, "preview": None}
        if fulfilment.is_blocked:
            result |= {"status": "Request Moderated", "details": {"Moderation Reasons": ["Safety Filter"]}}
        elif not fulfilment.items:
            result |= {"status": "Error", "details": {"error": "Generation Error"}}
        for item in fulfilment.items:
            sample = item.url if isinstance(item, Linked) else ""
            sizes = {"seed": order.seed or 1, "prompt": order.prompt, "duration": 0.1}
            result |= {"status": "Ready", "result": {"sample": sample, **sizes}}
        return web.json_response(result, headers={_TASK_ID: fulfilment.inference_id})

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return a refusal; a wrong field is named as its validator does."""
        detail: Any = refusal.message
        status = refusal.status
        if refusal.outcome == FaultKind.BAD_KEY:
            status, detail = 403, "Not authenticated - Invalid Authentication"
        elif refusal.outcome == FaultKind.NO_CREDITS:
            status, detail = 402, "Insufficient credits. Please add more credits to your account."
        elif status in (400, 422):
            field, _, message = refusal.message.partition(": ")
            status, detail = 422, [{"loc": ["body", field], "msg": message, "type": "value_error"}]
        return status, json.dumps({"detail": detail}).encode()


async def _submit(request: web.Request) -> web.StreamResponse:
    """Accept a task. What it will give is made at once, and shown when it is done."""
    service = request.app[SERVICE]
    if sum(not job.is_done for job in service.queue.jobs) >= _TASKS_AT_ONCE:
        raise Refusal(429, "Too many active tasks", outcome=FaultKind.RATE_LIMITED)
    job = await accept(request, _TASK_ID)
    if isinstance(job, web.StreamResponse):
        return job
    width, height = _size(job.asked)
    return web.json_response(
        {
            "id": job.id,
            "polling_url": f"{request.url.origin()}/v1/get_result?id={job.id}",
            **({"cost": service.settings.price_usd * 100} if service.settings.announce_cost else {}),
            "input_mp": 0.0,
            "output_mp": width * height / 2**20,
        }
    )


async def _show_result(request: web.Request) -> web.Response:
    """Say how far a task is, and what it has given."""
    require_key(request)
    task_id = request.query.get("id", "")
    job = request.app[SERVICE].queue.ask(task_id)
    if job is None:
        return web.json_response({"id": task_id, "status": "Task not found", "result": None})
    if not job.is_done:
        return web.json_response({"id": task_id, "status": "Pending", "result": None, "progress": None})
    return web.Response(status=job.status, body=job.body, content_type="application/json")


async def _show_credits(request: web.Request) -> web.Response:
    """Say how many credits are left."""
    require_key(request)
    return web.json_response({"credits": float(request.app[SERVICE].bill.balance_usd * 100)})


def _mistake(body: Any) -> tuple[str, str] | None:
    """The first field of a body that is wrong, and what is wrong with it; None if all are right."""
    if not isinstance(body, dict) or not isinstance(body.get("prompt"), str):
        return "prompt", "Field required"
    for name, field in _FIELDS.items():
        if body.get(name) is not None and (hint := check(field, body[name])):
            return name, hint
    for name in ("width", "height"):
        side = body.get(name) or 1024
        if type(side) is not int or side < 64:
            return name, "Input should be greater than or equal to 64"
    width, height = _size(body)
    return None if width * height <= 4_194_304 else ("width", "The image has more than 4 megapixels")


def _size(body: Mapping[str, Any]) -> Size:
    return body.get("width") or 1024, body.get("height") or 1024


DIALECT = BflDialect()
