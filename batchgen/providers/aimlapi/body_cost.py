"""What a call cost, as its body says: for answers without the header that says it.

From AI/ML API's documentation: `meta.usage.usd_spent` in US dollars, `meta.usage.credits_used` in credits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from batchgen.providers.http.loose_json import read_loosely

_CREDITS_PER_USD: Final = 2_000_000
# What an answer says of itself is short; beyond that it is no place to look for a price.
_MAX_BYTES: Final = 64 * 1024


def cost_in(body: bytes) -> float | None:
    """US dollars as a short body says; None if it says nothing readable. Never negative, never infinite."""
    if len(body) > _MAX_BYTES:
        return None
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = read_loosely(body)
    for key in ("meta", "usage"):
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping):
        return None
    usd = _amount(answer.get("usd_spent"))
    credits_used = _amount(answer.get("credits_used"))
    return usd if usd is not None or credits_used is None else credits_used / _CREDITS_PER_USD


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except (ValueError, OverflowError):
        return None
    return amount if 0 <= amount < math.inf else None
