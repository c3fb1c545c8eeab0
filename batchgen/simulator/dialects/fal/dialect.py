"""fal: the endpoints of its queue, and the form of its answers and errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from batchgen.simulator.accepting import accept
from batchgen.simulator.checks import Choice, Field, Switch, Text, Whole, check
from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.dialects.fal.listing import list_jobs
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.headers import bearer_key, require_key
from batchgen.simulator.job_queue import QueuedJob
from batchgen.simulator.order import Inline, Item, Order, Size
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE
from batchgen.simulator.settings import ImageFormat, SimulatorSettings

_APP = r"/{owner:[a-z0-9][\w.-]*}/{app:[\w.-]+}"
_JOB = "/requests/{job}"
_JOB_ID = "x-fal-request-id"
# What fal's image models have in common; other fields are those of one model.
_FIELDS: Mapping[str, Field] = {
    "prompt": Text(longest=10_000),
    "num_images": Whole(1, 4),
    "seed": Whole(0, 2**63 - 1),
    "num_inference_steps": Whole(1, 100),
    "output_format": Choice(("jpeg", "png")),
    "enable_safety_checker": Switch(),
    "sync_mode": Switch(),
}
_SIZES: Mapping[str, Size] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
_BLOCKED = "The content could not be processed because it was flagged by a content checker."


class FalDialect:
    """fal's queue as its documentation describes it."""

    service = "fal"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints; those of a job drop what stands behind the app. The list is at another host there."""
        return [
            web.get("/v1/models/requests/by-endpoint", list_jobs),
            web.get(f"{_APP}{_JOB}/status", _show_status),
            web.get(f"{_APP}{_JOB}", _show_result),
            web.post(_APP, _submit),
            web.post(f"{_APP}/{{path:.+}}", _submit),
        ]

    def read_key(self, request: web.Request) -> str | None:
        """Return the key of the scheme `Key`."""
        return bearer_key(request, "Key")

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Refuse a wrong body with the name of the field that is wrong; every app has some model."""
        wrong = _mistake(body)
        if wrong is not None:
            raise Refusal(422, f"{wrong[0]}: {wrong[1]}", outcome=FaultKind.BAD_REQUEST)
        return Order(
            model=request.path.strip("/"),
            prompt=body["prompt"],
            num_images=body.get("num_images", 1),
            seed=body.get("seed"),
            enhance=False,
            watermark=False,
            size=_size(body.get("image_size", "landscape_4_3")) or (1024, 768),
            as_link=not body.get("sync_mode", False),
            image_format=ImageFormat(body["output_format"]) if "output_format" in body else None,
            asked=body,
        )

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return the price of so many images."""
        return images * Decimal(str(settings.price_usd))

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return the result of a job, which is the model's answer."""
        order = fulfilment.order
        if fulfilment.is_blocked:
            detail = {"loc": ["body", "prompt"], "msg": _BLOCKED, "type": "content_policy_violation"}
            return _json({"detail": [detail | {"input": {"prompt": order.prompt}}]}, 422, fulfilment.inference_id)
        width, height = order.size
        images = [_describe(item) | {"width": width, "height": height} for item in fulfilment.items]
        result = {"images": images, "seed": order.seed or 1, "prompt": order.prompt, "timings": {"inference": 0.1}}
        return _json(result | {"has_nsfw_concepts": [False] * len(images)}, 200, fulfilment.inference_id)

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return a refusal; a wrong field is named as its validator does."""
        detail: Any = refusal.message
        if refusal.status in (400, 422):
            field, _, message = refusal.message.partition(": ")
            detail = [{"loc": ["body", field], "msg": message, "type": "value_error"}]
        elif refusal.outcome == FaultKind.NO_CREDITS:
            detail = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
        status = 422 if refusal.status == 400 else refusal.status
        return status, json.dumps({"detail": detail}).encode()


async def _submit(request: web.Request) -> web.StreamResponse:
    """Accept a job. What it will give is made at once, and shown when it is done."""
    job = await accept(request, _JOB_ID)
    if isinstance(job, web.StreamResponse):
        return job
    return web.json_response(
        {"status": "IN_QUEUE", "queue_position": 0, "request_id": job.id, **_urls(request, job.id)}
    )


def _urls(request: web.Request, job_id: str) -> dict[str, str]:
    """Where a job is asked about."""
    owner, app = request.match_info["owner"], request.match_info["app"]
    url = f"{request.url.origin()}/{owner}/{app}/requests/{job_id}"
    return {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}


async def _show_status(request: web.Request) -> web.Response:
    """Say how far a job is: 202 while it is worked on."""
    job = _asked_for(request)
    if not job.is_done:
        return web.json_response({"status": "IN_PROGRESS", "request_id": job.id, "logs": None}, status=202)
    failed = {"error": "the model refused it"} if job.status >= 400 else {}
    return web.json_response({"status": "COMPLETED", "request_id": job.id, "logs": None, "metrics": {}, **failed})


async def _show_result(request: web.Request) -> web.Response:
    """Show what a job has given, with the model's own status."""
    job = _asked_for(request)
    if not job.is_done:
        raise Refusal(400, "request: Request is still in progress", outcome=FaultKind.BAD_REQUEST)
    return web.Response(status=job.status, body=job.body, content_type="application/json")


def _asked_for(request: web.Request) -> QueuedJob:
    require_key(request)
    job = request.app[SERVICE].queue.ask(request.match_info["job"])
    if job is None:
        raise Refusal(404, "Request not found", outcome=FaultKind.NOT_FOUND)
    return job


def _mistake(body: Any) -> tuple[str, str] | None:
    """The first field of a body that is wrong, and what is wrong with it; None if all are right."""
    if not isinstance(body, dict) or not isinstance(body.get("prompt"), str):
        return "prompt", "Field required"
    for name, field in _FIELDS.items():
        if name in body and (hint := check(field, body[name])):
            return name, hint
    if _size(body.get("image_size", "landscape_4_3")) is None:
        return "image_size", "a preset, or width and height"
    return None


def _size(asked: Any) -> Size | None:
    if isinstance(asked, dict):
        sides = asked.get("width"), asked.get("height")
        width, height = (side if type(side) is int and 0 < side <= 14_142 else 0 for side in sides)
        return (width, height) if width and height else None
    return _SIZES.get(asked) if isinstance(asked, str) else None


def _describe(item: Item) -> dict[str, Any]:
    if isinstance(item, Inline):
        data = item.quoted_base64.replace(b'"', b'"data:image/png;base64,', 1)
        return {"url": msgspec.Raw(data), "content_type": "image/png"}
    return {"url": item.url, "content_type": "image/png"}


def _json(body: Mapping[str, Any], status: int, job_id: str) -> web.Response:
    headers = {_JOB_ID: job_id}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers)


DIALECT = FalDialect()
