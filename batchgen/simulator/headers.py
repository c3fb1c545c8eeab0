"""The headers that the simulator reads and writes: the API key and the ids of requests."""

from __future__ import annotations

import re
import secrets

from aiohttp import web

from batchgen.simulator.faults import FaultKind
from batchgen.simulator.refusals import REFUSING, Refusal
from batchgen.simulator.service import SERVICE

REQUEST_ID = "x-request-id"
CLIENT_REQUEST_ID = "X-Client-Request-Id"
# From AI/ML API's documentation on request tracing; any other id is ignored.
_CLIENT_REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def read_client_request_id(request: web.Request) -> str | None:
    """The client's id for the request; None if it is missing or malformed."""
    given = request.headers.get(CLIENT_REQUEST_ID, "")
    return given if _CLIENT_REQUEST_ID_FORM.fullmatch(given) else None


def bearer_key(request: web.Request, scheme: str = "Bearer") -> str | None:
    """The key of the header Authorization, None where it is in no such form."""
    given_scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given if given_scheme == scheme else None


def require_key(request: web.Request) -> None:
    """Refuse a request whose API key is not that of the settings; if they have none, one that has no key."""
    service = request.app[SERVICE]
    given, key = service.dialect.read_key(request) or "", service.settings.key
    if not (bool(given.strip()) if key is None else secrets.compare_digest(_to_bytes(given), _to_bytes(key))):
        status, message = REFUSING[FaultKind.BAD_KEY]
        raise Refusal(status, message, outcome=FaultKind.BAD_KEY)


def new_request_id() -> str:
    """Make the service's id for a request."""
    return secrets.token_hex(16)


async def add_ids(request: web.Request, response: web.StreamResponse) -> None:
    """Add the ids of a request to its response."""
    response.headers.setdefault(REQUEST_ID, new_request_id())
    given = read_client_request_id(request)
    if given is not None:
        response.headers[CLIENT_REQUEST_ID] = given


def _to_bytes(text: str) -> bytes:
    # aiohttp decodes bytes that are not UTF-8 to lone surrogates, which str.encode refuses by default.
    return text.encode(errors="surrogateescape")
