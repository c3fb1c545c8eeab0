"""How long a service asks to wait: the Retry-After header."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

# Longer waits than an hour are a service gone for the night; to ask once an hour costs nothing.
MAX_RETRY_AFTER_S: Final = 3600.0


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait as a Retry-After header says, from 0 to MAX_RETRY_AFTER_S; None if it says nothing readable.

    value: seconds, or an HTTP date (RFC 9110, section 10.2.3). now: aware, to measure a date from.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{0,9})?", value):
        return min(float(value), MAX_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(value)
        if until.tzinfo is None:  # "-0000": UTC by RFC 5322
            until = until.replace(tzinfo=UTC)
        wait_s = (until - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)
