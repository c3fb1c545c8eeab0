"""`GET /cdn/...`: serves images by their links, with the faults of the links."""

from __future__ import annotations

from aiohttp import web

from batchgen.simulator import wire
from batchgen.simulator.cdn import CdnLink
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.service import SERVICE, Service

# A link that is not available yet answers with each of these in turn.
_LATE_STATUSES = (404, 403)
FIRST_REDIRECT = "/redirects/1"


async def download(request: web.Request) -> web.StreamResponse:
    """Answer a fetch and record it."""
    return await serve(request, request.path)


async def serve(request: web.Request, path: str) -> web.StreamResponse:
    """Answer a fetch of what is published under a path, and record it."""
    service = request.app[SERVICE]
    if _carries_key(request, service.settings.key):
        service.cdn.record_violation(f"{request.method} {request.path} carried an API key")
        answer = web.Response(status=400, text="Never send an API key here.")
    else:
        answer = await _answer(service, request, path)
    service.cdn.record_fetch(path, answer.status)
    link = service.cdn.find(path)
    if answer.status == 200 and link is not None and _still_fails(service, link, FaultKind.CUT_CDN):
        return await wire.cut(request, answer)
    return answer


async def follow(request: web.Request) -> web.Response:
    """Answer a redirect with a redirect to the next one, without end."""
    return web.Response(status=307, headers={"Location": f"/redirects/{int(request.match_info['hop']) + 1}"})


async def _answer(service: Service, request: web.Request, path: str) -> web.Response:
    link = service.cdn.find(path)
    if link is None or link.fault is FaultKind.GONE_CDN:
        return web.Response(status=404, text="Not found")
    link.fetches += 1
    if _still_fails(service, link, FaultKind.LATE_CDN):
        return web.Response(status=_LATE_STATUSES[(link.fetches - 1) % len(_LATE_STATUSES)], text="Not yet")
    if link.fault is FaultKind.REDIRECT_CDN:
        return web.Response(status=302, headers={"Location": FIRST_REDIRECT})
    if link.fault is FaultKind.MOVED_CDN and "moved" not in request.query:
        return web.Response(status=302, headers={"Location": f"{path}?moved"})
    data = await service.images.make(link.spec)
    return web.Response(body=data, content_type=f"image/{link.spec.image_format}")


def _still_fails(service: Service, link: CdnLink, fault: FaultKind) -> bool:
    """Whether a link has this fault and was not fetched often enough yet to work."""
    return link.fault is fault and link.fetches <= service.settings.late_fetches


def _carries_key(request: web.Request, key: str | None) -> bool:
    """Whether a request has an Authorization header, or the key anywhere in its headers or URL."""
    if "Authorization" in request.headers:
        return True
    return key is not None and any(key in text for text in (request.path_qs, *request.headers.values()))
