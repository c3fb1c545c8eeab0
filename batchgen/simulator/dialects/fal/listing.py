"""fal's list of the jobs of a model, which its platform API shows: of those that have ended, newest first."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from aiohttp import web

from batchgen.simulator.faults import FaultKind
from batchgen.simulator.headers import require_key
from batchgen.simulator.job_queue import QueuedJob
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE

_MOST_A_PAGE = 100


async def list_jobs(request: web.Request) -> web.Response:
    """Show a page of the jobs of a model; what they were asked for is shown to who asks for payloads."""
    require_key(request)
    query = request.query
    if "endpoint_id" not in query:
        raise Refusal(422, "endpoint_id: Field required", outcome=FaultKind.BAD_REQUEST)
    start = datetime.fromisoformat(query.get("start", "2000-01-01T00:00:00Z"))
    begin = int(base64.b64decode(query.get("cursor", "")) or 0)
    end = begin + min(int(query.get("limit", 50)), _MOST_A_PAGE)
    ended = [job for job in reversed(request.app[SERVICE].queue.jobs) if job.is_done]
    jobs = [job for job in ended if job.model == query["endpoint_id"] and job.created_at >= start]
    has_more = end < len(jobs)
    return web.json_response(
        {
            "items": [_shown(job, query.get("expand", "")) for job in jobs[begin:end]],
            "next_cursor": base64.b64encode(str(end).encode()).decode() if has_more else None,
            "has_more": has_more,
        }
    )


def _shown(job: QueuedJob, expanded: str) -> dict[str, Any]:
    created = job.created_at.isoformat().replace("+00:00", "Z")
    item: dict[str, Any] = {"request_id": job.id, "endpoint_id": job.model, "sent_at": created, "started_at": created}
    item |= {"status_code": job.status, "duration": 0.1}
    return item | ({"json_input": dict(job.asked)} if "payloads" in expanded else {})
