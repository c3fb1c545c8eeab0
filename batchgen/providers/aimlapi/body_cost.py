"""What a call cost, as its body says: for answers without the header that says it.

From AI/ML API's documentation: `meta.usage.usd_spent` in US dollars, `meta.usage.credits_used` in credits. Gateways
move them: under whatever name they stand, the outermost count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from batchgen.providers.http.loose_json import read_loosely
from batchgen.providers.http.said import simple

_CREDITS_PER_USD: Final = 2_000_000
# What an answer says of itself is short; beyond that it is no place to look for a price.
_MAX_BYTES: Final = 64 * 1024
_MAX_DEPTH: Final = 5


def cost_in(body: bytes) -> float | None:
    """US dollars as a short body says; None if it says nothing readable. Never negative, never infinite."""
    if len(body) > _MAX_BYTES:
        return None
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = read_loosely(body)
    return _cost(answer, 0)


def _cost(value: object, depth: int) -> float | None:
    """The cost that an object says of itself, else the highest of what is in it; of a list, that of all in it."""
    if depth == _MAX_DEPTH or not isinstance(value, Mapping | list):
        return None
    if isinstance(value, Mapping):
        said = {simple(str(name)): _amount(amount) for name, amount in value.items()}
        if (usd := said.get("usdspent")) is not None:
            return usd
        if (credits_used := said.get("creditsused")) is not None:
            return credits_used / _CREDITS_PER_USD
    below = [_cost(item, depth + 1) for item in (value.values() if isinstance(value, Mapping) else value)]
    costs = [cost for cost in below if cost is not None]
    return (sum(costs) if isinstance(value, list) else max(costs)) if costs else None


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except (ValueError, OverflowError):
        return None
    return amount if 0 <= amount < math.inf else None
