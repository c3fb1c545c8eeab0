"""`GET /cdn/...`: images by their links, with the troubles that links have."""

from __future__ import annotations

from aiohttp import web

from batchgen.simulator import wire
from batchgen.simulator.cdn import Link
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.service import SERVICE, Service

# A link that is not there yet shows as either, in turn.
_LATE_STATUSES = (404, 403)
FIRST_REDIRECT = "/redirects/1"


async def download(request: web.Request) -> web.StreamResponse:
    """Answer a fetch and write it down."""
    service = request.app[SERVICE]
    if _carries_key(request, service.settings.key):
        service.cdn.record_violation(f"{request.method} {request.path} carried an API key")
        answer = web.Response(status=400, text="Never send an API key here.")
    else:
        answer = await _answer(service, request)
    service.cdn.record_fetch(request.path, answer.status)
    link = service.cdn.find(request.path)
    if answer.status == 200 and link is not None and _is_early(service, link, FaultKind.CUT_CDN):
        return await wire.cut(request, answer)
    return answer


async def follow(request: web.Request) -> web.Response:
    """Send whoever follows a redirect on to the next one, for ever."""
    return web.Response(status=307, headers={"Location": f"/redirects/{int(request.match_info['hop']) + 1}"})


async def _answer(service: Service, request: web.Request) -> web.Response:
    link = service.cdn.find(request.path)
    if link is None or link.trouble is FaultKind.GONE_CDN:
        return web.Response(status=404, text="Not found")
    link.fetches += 1
    if _is_early(service, link, FaultKind.LATE_CDN):
        return web.Response(status=_LATE_STATUSES[(link.fetches - 1) % len(_LATE_STATUSES)], text="Not yet")
    if link.trouble is FaultKind.REDIRECT_CDN:
        return web.Response(status=302, headers={"Location": FIRST_REDIRECT})
    if link.trouble is FaultKind.MOVED_CDN and "moved" not in request.query:
        return web.Response(status=302, headers={"Location": f"{request.path}?moved"})
    data = await service.studio.make(link.making)
    return web.Response(body=data, content_type=f"image/{link.making.image_format}")


def _is_early(service: Service, link: Link, trouble: FaultKind) -> bool:
    """Whether a link has this trouble and was not fetched often enough to be rid of it."""
    return link.trouble is trouble and link.fetches <= service.settings.late_fetches


def _carries_key(request: web.Request, key: str | None) -> bool:
    """Whether a request has an Authorization header, or the key anywhere in a header or its address."""
    if "Authorization" in request.headers:
        return True
    return key is not None and any(key in text for text in (request.path_qs, *request.headers.values()))
