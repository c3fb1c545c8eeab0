"""What a call cost, as a header of its answer says."""

from __future__ import annotations

import math
import re


def parse_cost(value: str | None) -> float | None:
    """US dollars as the header of an answer says; None if it says nothing readable. Never negative, never infinite."""
    if value is None or not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{0,30})?([eE]-?[0-9]{1,3})?", value.strip()):
        return None
    cost_usd = float(value)
    return cost_usd if math.isfinite(cost_usd) else None
