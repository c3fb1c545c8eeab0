"""The simulator as an aiohttp application: its routes, and the form of its errors."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from batchgen.simulator.control import change_settings, show_bill
from batchgen.simulator.download import download, follow
from batchgen.simulator.headers import REQUEST_ID, add_ids, new_request_id
from batchgen.simulator.refusals import Refusal, format_retry_after
from batchgen.simulator.service import SERVICE, Service

# A prompt of 400 characters needs a few kilobytes; no client should send more than this.
MAX_BODY_BYTES = 1 << 20


def build_app(service: Service) -> web.Application:
    """The application that serves a service's state."""
    app = web.Application(middlewares=[_answer_errors], client_max_size=MAX_BODY_BYTES)
    app[SERVICE] = service
    app.on_response_prepare.append(add_ids)
    app.add_routes(
        [
            *service.dialect.routes(),
            web.get("/cdn/{path:.+}", download),
            web.route("*", r"/redirects/{hop:\d{1,9}}", follow),
            web.get("/__simulator__/bill", show_bill),
            web.post("/__simulator__/settings", change_settings),
        ]
    )
    return app


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every error the documented form, including those that aiohttp raises."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return _format(request, refusal)
    except web.HTTPError as error:
        reason = "No such endpoint" if error.status == 404 else error.reason
        return _format(request, Refusal(error.status, reason, outcome="bad_request"))


def _format(request: web.Request, refusal: Refusal) -> web.Response:
    if refusal.html:
        page = f"<html><body><h1>{refusal.status} {refusal.message}</h1></body></html>"
        response = web.Response(status=refusal.status, text=page, content_type="text/html")
    else:
        request_id = new_request_id()
        status, body = request.app[SERVICE].dialect.error(refusal, request.path, request_id)
        response = web.Response(status=status, body=body, content_type="application/json")
        response.headers[REQUEST_ID] = request_id
    if refusal.retry_after_s is not None:
        form = request.app[SERVICE].settings.retry_after
        value = format_retry_after(refusal.retry_after_s, form)
        if value is not None:
            response.headers["Retry-After"] = value
    return response
