"""Replicate: the endpoints of its predictions, and the form of its answers and errors."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from batchgen.simulator.accepting import accept
from batchgen.simulator.checks import Choice, Field, Text, Whole, check
from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.headers import require_key
from batchgen.simulator.job_queue import QueuedJob
from batchgen.simulator.order import Linked, Order, Size
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE
from batchgen.simulator.settings import ImageFormat, SimulatorSettings

_MODEL = r"/v1/models/{owner:[\w.-]+}/{name:[\w.-]+}"
_PREDICTION_ID = "x-prediction-id"  # of the simulator's own: how the made answer finds its way into the queue
_LONGEST_WAIT_S = 60.0
_PAGE = 100
# What image models have in common; each has fields of its own beside them.
_FIELDS: Mapping[str, Field] = {
    "prompt": Text(longest=10_000),
    "seed": Whole(-(2**63), 2**63 - 1),
    "num_outputs": Whole(1, 4),
    "output_format": Choice(("webp", "jpg", "jpeg", "png")),
}
_SIZES: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "9:16": (768, 1344),
    "3:2": (1216, 832),
    "2:3": (832, 1216),
    "4:3": (1152, 896),
    "3:4": (896, 1152),
}
_FORMATS = {"jpg": ImageFormat.JPEG, "jpeg": ImageFormat.JPEG, "png": ImageFormat.PNG, "webp": ImageFormat.WEBP}
_BLOCKED = "NSFW content detected. Try running it again, or try a different prompt."


class ReplicateDialect:
    """Replicate's predictions as its documentation describes them."""

    service = "Replicate"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get(_MODEL, _show_model),
            web.post(f"{_MODEL}/predictions", _create),
            web.get("/v1/predictions", _list),
            web.post("/v1/predictions", _create),
            web.get("/v1/predictions/{id}", _show),
            web.post("/v1/predictions/{id}/cancel", _cancel),
        ]

    def read_key(self, request: web.Request) -> str | None:
        """Return the key of the header Authorization, whose scheme older clients call Token."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return key if scheme in ("Bearer", "Token") else None

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Refuse a wrong input with the name of the field that is wrong; every name is some model."""
        asked: Any = body.get("input") if isinstance(body, dict) else None
        wrong = _mistake(asked)
        if wrong is not None:
            raise Refusal(422, f"{wrong[0]}: {wrong[1]}", outcome=FaultKind.BAD_REQUEST)
        owner, name = request.match_info.get("owner"), request.match_info.get("name")
        return Order(
            model=f"{owner}/{name}" if owner else str(body.get("version", "")),
            prompt=asked["prompt"],
            num_images=asked.get("num_outputs", 1),
            seed=asked.get("seed"),
            enhance=False,
            watermark=False,
            size=_SIZES.get(asked.get("aspect_ratio", "1:1"), (1024, 1024)),
            as_link=True,
            image_format=_FORMATS.get(asked.get("output_format", "")),
            asked=asked,
        )

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return the price of so many images."""
        return images * Decimal(str(settings.price_usd))

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return a prediction that has ended."""
        order, now = fulfilment.order, datetime.now(UTC)
        prediction: dict[str, Any] = {
            "id": fulfilment.inference_id,
            "model": order.model,
            "version": "hidden",
            "input": dict(order.asked),
            "logs": "",
            "output": None,
            "error": None,
            "data_removed": False,
            "created_at": now.isoformat().replace("+00:00", "Z"),
            "metrics": {"predict_time": 0.1, "total_time": 0.1},
        }
        if fulfilment.is_blocked or not fulfilment.items:
            prediction |= {"status": "failed", "error": _BLOCKED if fulfilment.is_blocked else "Prediction failed."}
        else:
            links = [item.url for item in fulfilment.items if isinstance(item, Linked)]
            prediction |= {"status": "succeeded", "output": links}
        return web.json_response(prediction, headers={_PREDICTION_ID: fulfilment.inference_id})

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return a refusal as a problem in JSON."""
        status, detail = refusal.status, refusal.message
        if status in (400, 422):
            status, detail = 422, f"- input.{refusal.message}"
        elif refusal.outcome == FaultKind.NO_CREDITS:
            status, detail = 402, "You have insufficient credit to run this model."
        elif refusal.outcome == FaultKind.BAD_KEY:
            status, detail = 401, "You did not pass a valid authentication token"
        elif status == 429:
            wait_s = max(1, round(refusal.retry_after_s or 1))
            detail = f"Request was throttled. Your rate limit resets in ~{wait_s}s."
        return status, json.dumps({"title": "Refused", "detail": detail, "status": status}).encode()


async def _create(request: web.Request) -> web.StreamResponse:
    """Accept a prediction. What it will give is made at once, and shown when it is done."""
    job = await accept(request, _PREDICTION_ID)
    if isinstance(job, web.StreamResponse):
        return job
    if job.is_gone:
        return web.json_response(json.loads(job.body) | {"status": "starting", "output": None}, status=201)
    await _wait(request, job)
    return web.json_response(_shown(request, job), status=201)


async def _wait(request: web.Request, job: QueuedJob) -> None:
    """Hold the answer until the prediction is done, where the client prefers so, for a minute at most."""
    asked = re.search(r"\bwait\b(?:=(\d+))?", request.headers.get("Prefer", ""))
    if asked is not None:
        until_s = time.monotonic() + min(float(asked[1] or _LONGEST_WAIT_S), _LONGEST_WAIT_S)
        await asyncio.sleep(max(0.0, min(until_s, job.done_at_s) - time.monotonic()))


async def _show(request: web.Request) -> web.Response:
    """Show a prediction."""
    return web.json_response(_shown(request, _asked_for(request)))


async def _cancel(request: web.Request) -> web.Response:
    """End a prediction that is not done."""
    job = _asked_for(request)
    if not job.is_done:
        job.body = json.dumps(json.loads(job.body) | {"status": "canceled", "output": None}).encode()
        job.done_at_s = 0.0
    return web.json_response(_shown(request, job))


async def _list(request: web.Request) -> web.Response:
    """List a page of the predictions, newest first, of a span of time if one is asked for."""
    require_key(request)
    after, before = request.query.get("created_after", ""), request.query.get("created_before", "~")
    shown = [_listed(request, job) for job in reversed(request.app[SERVICE].queue.jobs)]
    found = [prediction for prediction in shown if after <= prediction["created_at"] < before]
    begin = int(request.query.get("cursor", 0))
    end = begin + _PAGE
    more = str(request.url.update_query(cursor=end)) if end < len(found) else None
    return web.json_response({"previous": None, "next": more, "results": found[begin:end]})


async def _show_model(request: web.Request) -> web.Response:
    """Describe a model."""
    require_key(request)
    owner, name = request.match_info["owner"], request.match_info["name"]
    return web.json_response({"owner": owner, "name": name, "visibility": "public", "is_official": True})


def _asked_for(request: web.Request) -> QueuedJob:
    require_key(request)
    job = request.app[SERVICE].queue.ask(request.match_info["id"])
    if job is None:
        raise Refusal(404, "Prediction not found", outcome=FaultKind.NOT_FOUND)
    return job


def _shown(request: web.Request, job: QueuedJob) -> dict[str, Any]:
    """A prediction as it is now."""
    url = f"{request.url.origin()}/v1/predictions/{job.id}"
    shown: dict[str, Any] = json.loads(job.body)
    shown["urls"] = {"get": url, "cancel": f"{url}/cancel"}
    if not job.is_done:
        shown |= {"status": "processing", "output": None, "error": None, "metrics": {}}
    return shown


def _listed(request: web.Request, job: QueuedJob) -> dict[str, Any]:
    """A prediction as the list has it; what was removed of it is in no list."""
    shown = _shown(request, job)
    return shown | ({"data_removed": True, "input": {}, "output": None} if job.is_gone else {})


def _mistake(asked: Any) -> tuple[str, str] | None:
    """The first field of an input that is wrong, and what is wrong with it; None if all are right."""
    if not isinstance(asked, dict) or not isinstance(asked.get("prompt"), str):
        return "prompt", "prompt is required"
    for name, field in _FIELDS.items():
        if name in asked and (hint := check(field, asked[name])):
            return name, hint
    return None


DIALECT = ReplicateDialect()
