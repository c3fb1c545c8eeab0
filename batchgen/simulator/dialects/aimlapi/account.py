"""The account endpoints: `/v2/billing`, `/v2/logs` and `/v1/models`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from aiohttp import web

from batchgen.simulator.bill import PENDING, Arrival, Bill
from batchgen.simulator.dialects.aimlapi.models import MODELS, ServedModel, made_up_model
from batchgen.simulator.headers import require_key
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE

# As AI/ML API's documentation states them for /v2/logs.
LONGEST_LOG_WINDOW = timedelta(days=92)
LOG_REQUESTS_PER_MINUTE = 200
# The documentation shows this as the usual size of a page; the simulator gives no larger one.
LOG_PAGE_SIZE = 100
# No log is older, and arithmetic with the first years of the calendar overflows.
FIRST_LOG_YEAR = 2000


async def show_billing(request: web.Request) -> web.Response:
    """The balance."""
    service = request.app[SERVICE]
    require_key(request)
    return web.json_response({"current_balance": float(service.bill.balance_usd), "currency": "USD"})


async def list_logs(request: web.Request) -> web.Response:
    """One page of the requests that finished within a time window, newest first."""
    service = request.app[SERVICE]
    require_key(request)
    wait_s = service.log_limit.admit(time.monotonic(), LOG_REQUESTS_PER_MINUTE, 60.0)
    if wait_s > 0:
        raise Refusal(429, "Too Many Requests", outcome="rate_limited", retry_after_s=wait_s)
    end = _read_time(request, "end", datetime.now(UTC))
    start = _read_time(request, "start", end - LONGEST_LOG_WINDOW)
    if not timedelta(0) <= end - start <= LONGEST_LOG_WINDOW:
        _refuse_query("start, end: Expected a window of at most 92 days")
    limit = _read_number(request, "limit", LOG_PAGE_SIZE, least=1, most=LOG_PAGE_SIZE)
    offset = _read_number(request, "offset", 0, least=0, most=2**31)
    visible_until = min(end, datetime.now(UTC) - timedelta(seconds=service.settings.log_delay_s))
    found = [
        arrival
        for arrival in reversed(service.bill.arrivals)
        if arrival.model and arrival.outcome != PENDING and start <= arrival.at <= visible_until
    ]
    page = [_describe_log(service.bill, arrival) for arrival in found[offset : offset + limit]]
    return web.json_response({"data": page, "pagination": {"has_more": offset + limit < len(found)}})


async def list_models(request: web.Request) -> web.Response:
    """All models, or the one that the query names, with prices if the query asks for them. Needs no key."""
    wanted = request.query.get("id")
    settings = request.app[SERVICE].settings
    price = settings.price_usd if "pricing" in request.query.getall("include", []) else None
    models = [model for model in MODELS if wanted is None or wanted == model.name or wanted in model.aliases]
    if wanted is not None and not models and settings.any_model:
        models = [made_up_model(wanted, {})]
    return web.json_response({"data": [_describe_model(model, price) for model in models]})


def _describe_log(bill: Bill, arrival: Arrival) -> dict[str, Any]:
    charge = bill.find_charge(arrival.number)
    return {
        "created": arrival.at.isoformat().replace("+00:00", "Z"),
        "status": "succeeded" if charge or arrival.outcome in ("blocked", "no_image") else "failed",
        "model": arrival.model,
        "cost": {"usd": float(charge.usd) if charge else 0},
        "inference_id": arrival.inference_id,
        "client_request_id": arrival.client_request_id,
    }


def _describe_model(model: ServedModel, price_usd: float | None) -> dict[str, Any]:
    described: dict[str, Any] = {"id": model.name, "aliases": list(model.aliases)}
    if price_usd is not None:
        unit = {"name": "image", "measure": "output", "price": price_usd, "per": 1}
        described["pricing"] = {"kind": "fixed", "currency": "USD", "units": [unit]}
    return described


def _read_time(request: web.Request, name: str, default: datetime) -> datetime:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        _refuse_query(f"{name}: Expected an ISO 8601 date")
    if moment.year < FIRST_LOG_YEAR:
        _refuse_query(f"{name}: Expected a date after {FIRST_LOG_YEAR}")
    return moment


def _read_number(request: web.Request, name: str, default: int, *, least: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        _refuse_query(f"{name}: Expected a whole number from {least} to {most}")
    return int(text)


def _refuse_query(hint: str) -> NoReturn:
    raise Refusal(400, f"Query validation error; {hint}", outcome="bad_request")
