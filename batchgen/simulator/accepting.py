"""How a service of jobs takes an order: what it will give is made at once, and shown when the job is done."""

from __future__ import annotations

from aiohttp import web

from batchgen.simulator import wire
from batchgen.simulator.generate import generate
from batchgen.simulator.job_queue import QueuedJob
from batchgen.simulator.order import Order
from batchgen.simulator.service import SERVICE


async def accept(request: web.Request, id_header: str) -> QueuedJob | web.StreamResponse:
    """Take an order as a job, and return it; or the answer, where there is no job or nobody is to hear of it.

    id_header: the header of a made answer that has the job's id.
    """
    service = request.app[SERVICE]

    def take(order: Order, made: web.Response) -> None:
        service.queue.take(made.headers[id_header], order, made, service.settings)

    result = await generate(request, take)
    job = service.queue.change(result.headers.get(id_header), result)
    if job is None:
        return result
    return web.Response() if wire.is_disconnected(request) else job  # the former is never sent
