"""A request for images: checks a request, makes and charges its images, and injects its fault.

The order is: check the key, the rate limits, the body; apply a fault that replaces the work; check
the balance; make the images; charge; apply a fault that breaks the answer. A request that fails one
of the first three checks keeps its number, but no fault hits it.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NoReturn

from aiohttp import web

from batchgen.simulator import wire
from batchgen.simulator.bill import Arrival
from batchgen.simulator.dialects.base import Fulfilment
from batchgen.simulator.download import FIRST_REDIRECT
from batchgen.simulator.drawing import Sketch
from batchgen.simulator.faults import FaultKind, choose_fault
from batchgen.simulator.headers import read_client_request_id, require_key
from batchgen.simulator.images import ImageSpec
from batchgen.simulator.order import Item, Linked, Order, damage_base64, inline
from batchgen.simulator.refusals import REFUSING, Refusal, refuse
from batchgen.simulator.service import SERVICE, Service
from batchgen.simulator.settings import SimulatorSettings

# Sent when too many requests are in progress: it cannot be known when one will end.
CONCURRENCY_RETRY_AFTER_S = 1.0

_PROXY_FAULTS = frozenset({FaultKind.RESET_EARLY, FaultKind.HTML_200, FaultKind.REDIRECT})
_LINK_FAULTS = frozenset(
    {FaultKind.LATE_CDN, FaultKind.CUT_CDN, FaultKind.MOVED_CDN, FaultKind.REDIRECT_CDN, FaultKind.GONE_CDN}
)
_PROXY_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body>Sign in to this network.</body></html>"
_GATEWAY_PAGE = "<html><head><title>504 Gateway Time-out</title></head><body>The server took too long.</body></html>"

# Takes an order, with the answer that was made for it, as a job.
Take = Callable[[Order, web.Response], None]


async def generate(request: web.Request, take: Take | None = None) -> web.StreamResponse:
    """Record the arrival, serve it, and record its outcome.

    take: is called before a fault breaks the answer: a job goes on when nobody hears that it was accepted.
    """
    service = request.app[SERVICE]
    arrival = service.bill.record_arrival(read_client_request_id(request), secrets.token_hex(12))
    service.in_progress[arrival.number] = request
    try:
        return await _serve(service, request, arrival, take)
    except Refusal as refusal:
        service.bill.record_outcome(arrival.number, refusal.outcome)
        raise
    except (wire.Disconnected, ConnectionError):
        service.bill.record_outcome(arrival.number, _name_disconnect(service))
        return wire.reset(request)
    finally:
        del service.in_progress[arrival.number]
        service.bill.record_outcome(arrival.number, "closed")


async def _serve(service: Service, request: web.Request, arrival: Arrival, take: Take | None) -> web.StreamResponse:
    settings, bill, dialect = service.settings, service.bill, service.dialect
    require_key(request)
    _check_limits(service)
    order = dialect.read_order(request, await _read_body(request), settings)
    bill.record_model(arrival.number, order.model)
    kind = choose_fault(settings.faults, arrival.number, settings.seed)
    if kind is not None and kind in REFUSING:
        raise refuse(kind, settings.retry_after_s)
    if kind is not None and kind in _PROXY_FAULTS:
        bill.record_outcome(arrival.number, kind)
        return _answer_as_proxy(kind, request)
    with _reserve(service, dialect.price(order, order.num_images, settings)):
        await wire.wait_for_closing(service.closing, _draw_latency(settings, arrival.number))
        specs = _plan(settings, order, kind, arrival.number)
        items = await _make(service, request, order, kind, specs, arrival)
        usd = dialect.price(order, len(specs), settings)
        if specs or usd:
            bill.record_charge(arrival.number, len(specs), usd)
    if kind is not None and not _applies(kind, order):
        kind = None
    bill.record_outcome(arrival.number, kind or _name_outcome(service, request, specs))
    fulfilment = Fulfilment(order, items, _is_blocked(settings, order), arrival.inference_id, usd)
    answer = dialect.answer(fulfilment, settings)
    if take is not None:
        take(order, answer)
    return await _deliver(kind, service, request, answer)


def _name_outcome(service: Service, request: web.Request, specs: list[ImageSpec]) -> str:
    """The outcome of work that was done without a fault."""
    if wire.is_disconnected(request):
        return _name_disconnect(service)
    return "ok" if specs else "blocked"


def _name_disconnect(service: Service) -> str:
    return "closed" if service.closing.is_set() else "client_gone"


def _check_limits(service: Service) -> None:
    """Refuse a request that exceeds a rate limit or the number of requests at once."""
    settings = service.settings
    if settings.max_concurrent is not None and len(service.in_progress) > settings.max_concurrent:
        _refuse_temporarily(settings, CONCURRENCY_RETRY_AFTER_S, "too_many_at_once")
    if settings.requests_per_window is not None:
        wait_s = service.request_limit.admit(time.monotonic(), settings.requests_per_window, settings.window_s)
        if wait_s > 0:
            _refuse_temporarily(settings, wait_s, FaultKind.RATE_LIMITED)


def _refuse_temporarily(settings: SimulatorSettings, wait_s: float, outcome: str) -> NoReturn:
    if settings.nginx_limits:
        raise refuse(FaultKind.BUSY, wait_s)
    status, message = REFUSING[FaultKind.RATE_LIMITED]
    raise Refusal(status, message, outcome=outcome, retry_after_s=wait_s)


async def _read_body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413, "Request body is too large", outcome=FaultKind.BAD_REQUEST) from None
    except (ValueError, RecursionError):
        raise Refusal(400, "Body validation error: Expected JSON", outcome=FaultKind.BAD_REQUEST) from None


def _answer_as_proxy(kind: FaultKind, request: web.Request) -> web.StreamResponse:
    """The answer of a proxy in front of the service."""
    match kind:
        case FaultKind.HTML_200:
            return web.Response(text=_PROXY_PAGE, content_type="text/html")
        case FaultKind.REDIRECT:
            return web.Response(status=307, headers={"Location": FIRST_REDIRECT})
        case _:
            return wire.reset(request)


@contextmanager
def _reserve(service: Service, usd: Decimal) -> Iterator[None]:
    """Reserve the price of a request while it is in progress, so that many at once cannot overdraw the account."""
    if service.bill.balance_usd - service.reserved_usd < usd:
        raise refuse(FaultKind.NO_CREDITS, 0)
    service.reserved_usd += usd
    try:
        yield
    finally:
        service.reserved_usd -= usd


def _draw_latency(settings: SimulatorSettings, number: int) -> float:
    chance = random.Random(f"latency {settings.seed} {number}")  # noqa: S311  (not for secrets: a test can repeat it)
    return chance.uniform(*settings.latency_s)


def _is_blocked(settings: SimulatorSettings, order: Order) -> bool:
    return bool(settings.blocked_word) and settings.blocked_word in order.prompt


def _plan(settings: SimulatorSettings, order: Order, kind: FaultKind | None, number: int) -> list[ImageSpec]:
    """The specification of each image in the answer; fewer than ordered if the filter or a fault removes some."""
    images = order.num_images - (kind is FaultKind.FEWER_IMAGES)
    if kind is FaultKind.NO_IMAGE or _is_blocked(settings, order):
        images = 0
    # From Google's documentation: with a watermark, the seed has no effect.
    seed = order.seed if order.seed is not None and not order.watermark else f"unseeded {settings.seed} {number}"
    width, height = order.size
    return [
        ImageSpec(
            settings.image_content,
            Sketch(
                words=order.prompt,
                variant=f"{order.model} {order.prompt} {seed} {order.num_images} {image}",
                width=width,
                height=height,
                image_format=order.image_format or settings.image_format,
                watermark=order.watermark,
            ),
            truncated=kind is FaultKind.BROKEN_IMAGE,
        )
        for image in range(images)
    ]


async def _make(
    service: Service,
    request: web.Request,
    order: Order,
    kind: FaultKind | None,
    specs: list[ImageSpec],
    arrival: Arrival,
) -> list[Item]:
    if order.as_link:
        fault = kind if kind in _LINK_FAULTS else None
        names = (f"{arrival.inference_id} {image}" for image in range(len(specs)))
        paths = [service.cdn.publish(name, spec, fault) for name, spec in zip(names, specs, strict=True)]
        return [Linked(f"{request.url.origin()}{path}") for path in paths]
    items: list[Item] = [inline(await service.images.make(spec)) for spec in specs]
    return [damage_base64(item) for item in items] if kind is FaultKind.BROKEN_BASE64 else items


def _applies(kind: FaultKind, order: Order) -> bool:
    """Whether a fault has an effect on the answer to this order."""
    if kind in _LINK_FAULTS:
        return order.as_link
    return not (kind is FaultKind.BROKEN_BASE64 and order.as_link)


async def _deliver(
    kind: FaultKind | None, service: Service, request: web.Request, answer: web.Response
) -> web.StreamResponse:
    """Send the answer, or break it as the fault says."""
    settings, closing = service.settings, service.closing
    match kind:
        case FaultKind.RESET:
            return wire.reset(request)
        case FaultKind.STALL:
            await wire.stall(request, closing, settings.stall_s)
            return wire.reset(request)
        case FaultKind.TRUNCATED_BODY:
            return await wire.cut(request, answer)
        case FaultKind.CUT_OFF:
            return web.Response(status=504, text=_GATEWAY_PAGE, content_type="text/html")
        case FaultKind.BROKEN_JSON:
            return wire.corrupt(answer)
        case FaultKind.DRIP:
            return await wire.drip(request, answer, closing, settings.drip_s)
        case FaultKind.HUGE:
            return await wire.flood(request, answer, closing, settings.huge_bytes)
        case FaultKind.BOMB:
            return await wire.bomb(request, answer, closing, settings.huge_bytes)
        case _:
            return answer
