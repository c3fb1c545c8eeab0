"""`/__simulator__/...`: endpoints with which a test in another process controls the simulator. Not in the real API.

`GET /__simulator__/bill` returns everything that was recorded so far. `POST /__simulator__/settings`
takes a JSON object of settings to change, with the names in `SimulatorSettings` and faults as
text ({"faults": ["reset=0.1"], "requests_per_window": 20, "balance_usd": 5}), and returns all
settings. Neither needs a key: the simulator serves loopback only.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from batchgen.core.errors import BatchgenError, UsageError
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.service import SERVICE, Service
from batchgen.simulator.settings import parse_changes


async def show_bill(request: web.Request) -> web.Response:
    """Arrivals, charges, fetches, violations and the balance, as JSON."""
    return web.json_response(_describe(request.app[SERVICE]))


async def change_settings(request: web.Request) -> web.Response:
    """Change settings from the next request on."""
    service = request.app[SERVICE]
    try:
        changes = json.loads(await request.read())
    except (ValueError, RecursionError):
        changes = None
    try:
        if not isinstance(changes, dict):
            raise UsageError("simulator: expected a JSON object with the names and values of the settings to change")
        service.change(**parse_changes(changes))
    except BatchgenError as error:
        raise Refusal(400, str(error), outcome="bad_request") from error
    return web.json_response(service.settings.to_json())


def _describe(service: Service) -> dict[str, Any]:
    bill, cdn = service.bill, service.cdn
    arrivals = [
        {
            "number": arrival.number,
            "at": arrival.at.isoformat(),
            "at_s": arrival.at_s,
            "client_request_id": arrival.client_request_id,
            "inference_id": arrival.inference_id,
            "model": arrival.model,
            "outcome": arrival.outcome,
        }
        for arrival in bill.arrivals
    ]
    charges = [
        {
            "at": charge.at.isoformat(),
            "arrival_number": charge.arrival_number,
            "client_request_id": charge.client_request_id,
            "inference_id": charge.inference_id,
            "usd": float(charge.usd),
            "images": charge.images,
            "model": charge.model,
        }
        for charge in bill.charges
    ]
    fetches = [{"at_s": fetch.at_s, "path": fetch.path, "status": fetch.status} for fetch in cdn.fetches]
    return {
        "arrivals": arrivals,
        "charges": charges,
        "charged_usd": float(bill.charged_usd),
        "balance_usd": float(bill.balance_usd),
        "fetches": fetches,
        "violations": list(cdn.violations),
    }
