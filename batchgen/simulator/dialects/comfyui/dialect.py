"""A ComfyUI server: its queue, its history, and its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from aiohttp import web
from yarl import URL

from batchgen.simulator.accepting import accept
from batchgen.simulator.cdn import PATH
from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.download import serve
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.job_queue import QueuedJob
from batchgen.simulator.order import Linked, Order
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE
from batchgen.simulator.settings import SimulatorSettings

_PROMPT_ID = "x-prompt-id"  # of the simulator's own: how the made answer finds its way into the queue
_MANY = 64


class ComfyDialect:
    """A ComfyUI server as its source has it. It draws what the first text in the graph says, and asks for no key."""

    service = "ComfyUI"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.post("/prompt", _queue),
            web.get("/prompt", _count),
            web.get("/queue", _show_queue),
            web.get("/history", _show_history),
            web.get("/history/{id}", _show_history),
            web.get("/view", _view),
            web.get("/system_stats", _show_system),
        ]

    def read_key(self, request: web.Request) -> str | None:
        """Return a key in the header Authorization; a server without anything before it asks for none."""
        return request.headers.get("Authorization", "").partition(" ")[2] or "none"

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Refuse what is no graph, or has no text and no node that saves."""
        graph = body.get("prompt") if isinstance(body, dict) else None
        if not isinstance(graph, dict) or not graph:
            raise Refusal(400, "No prompt provided", outcome=FaultKind.BAD_REQUEST)
        if not any(str(_class_of(node)).startswith(("Save", "Preview")) for node in graph.values()):
            raise Refusal(400, "Prompt has no outputs", outcome=FaultKind.BAD_REQUEST)
        text = next(_values(graph, str, "text", "prompt", "value"), "nothing")
        width, height = (next(_values(graph, int, name), 512) for name in ("width", "height"))
        return Order(
            model="workflow",
            prompt=text,
            num_images=min(next(_values(graph, int, "batch_size"), 1), _MANY),
            seed=next(_values(graph, int, "seed", "noise_seed"), None),
            enhance=False,
            watermark=False,
            size=(width, height),
            as_link=True,
            asked=body,
        )

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return that nothing costs anything."""
        return Decimal(0)

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return what the history says of a graph that has run."""
        order = fulfilment.order
        prompt_id = str(order.asked.get("prompt_id") or fulfilment.inference_id)
        files = [
            {"filename": URL(item.url).name, "subfolder": "", "type": "output"}
            for item in fulfilment.items
            if isinstance(item, Linked)
        ]
        status: dict[str, Any] = {"status_str": "success", "completed": True, "messages": []}
        if not files:
            told = {"node_id": "9", "node_type": "SaveImage", "exception_message": "CUDA out of memory"}
            status = {"status_str": "error", "completed": False, "messages": [["execution_error", told]]}
        entry = {"prompt": [0, prompt_id, {}, {}, []], "outputs": {"9": {"images": files}}, "status": status}
        return web.json_response({prompt_id: entry}, headers={_PROMPT_ID: prompt_id})

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return a refusal."""
        error = {"type": "invalid_prompt", "message": refusal.message, "details": "", "extra_info": {}}
        return refusal.status, json.dumps({"error": error, "node_errors": {}}).encode()


async def _queue(request: web.Request) -> web.StreamResponse:
    """Put a graph into the queue. What it will give is made at once, and shown when it has run."""
    job = await accept(request, _PROMPT_ID)
    if isinstance(job, web.StreamResponse):
        return job
    number = len(request.app[SERVICE].queue.jobs)
    return web.json_response({"prompt_id": job.id, "number": number, "node_errors": {}})


async def _count(request: web.Request) -> web.Response:
    """Say how many graphs wait or run."""
    return web.json_response({"exec_info": {"queue_remaining": len(_waiting(request))}})


async def _show_queue(request: web.Request) -> web.Response:
    """Show what runs, which is one graph at a time, and what waits."""
    entries = [[number, job.id, {}, {}, []] for number, job in enumerate(_waiting(request))]
    return web.json_response({"queue_running": entries[:1], "queue_pending": entries[1:]})


async def _show_history(request: web.Request) -> web.Response:
    """Show what has run, or one graph of it; nothing of one that waits, runs or is not known."""
    queue = request.app[SERVICE].queue
    asked = request.match_info.get("id")
    shown: dict[str, Any] = {}
    for job in [queue.ask(asked)] if asked else queue.jobs:
        if job is not None and job.is_done:
            shown |= json.loads(job.body)
    return web.json_response(shown)


async def _view(request: web.Request) -> web.StreamResponse:
    """Give a file."""
    return await serve(request, f"{PATH}{request.query.get('filename', '')}")


async def _show_system(request: web.Request) -> web.Response:
    """Say what runs here."""
    return web.json_response({"system": {"os": "simulated", "comfyui_version": "simulated"}, "devices": []})


def _waiting(request: web.Request) -> list[QueuedJob]:
    return [job for job in request.app[SERVICE].queue.jobs if not job.is_done]


def _values(graph: Mapping[str, Any], kind: type[Any], *names: str) -> Iterator[Any]:
    """The inputs of these names that are of a type, and not what another node gives."""
    for node in graph.values():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        for name in names:
            if isinstance(inputs, dict) and type(inputs.get(name)) is kind:
                yield inputs[name]


def _class_of(node: object) -> object:
    return node.get("class_type") if isinstance(node, dict) else None


DIALECT = ComfyDialect()
