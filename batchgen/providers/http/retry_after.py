"""How long a service asks to wait: in the Retry-After header, in headers of its own, or in the words of a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

# Longer waits than an hour are a service gone for the night; to ask once an hour costs nothing.
MAX_RETRY_AFTER_S: Final = 3600.0


_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{0,9})?"
# One or more numbers with their units, as in `1h2m3.5s` and `20 seconds`.
_PART: Final = re.compile(
    rf"({_NUMBER})\s*(?:(?P<ms>ms|msecs?|millis|milliseconds?)|(?P<s>s|secs?|seconds?)|(?P<m>m|mins?|minutes?)"
    r"|(?P<h>h|hrs?|hours?))(?![a-z])",
    re.IGNORECASE,
)
_IN_WORDS: Final = re.compile(
    rf"\b(?:(?:re)?try(?:ing)?|wait)\b[^.:;\d]{{0,40}}?(?P<wait>(?:{_NUMBER}\s*[a-z]+(?:\s*(?:and\s+)?(?=\d))?)+)",
    re.IGNORECASE,
)
# As Google's error details have it.
_RETRY_DELAY: Final = re.compile(rb'"retry_?delay"\s*:\s*"([^"]{1,40})"', re.IGNORECASE)
_RESET: Final = re.compile(r"x-?ratelimit-?reset(?P<what>-[a-z-]+)?|ratelimit-reset(?P<other>-[a-z-]+)?")
# A number of seconds that is larger is a moment, in seconds since 1970.
_EPOCH_S: Final = 1_000_000_000


def wait_asked(headers: Mapping[str, str], body: bytes, words: str, now: datetime) -> float | None:
    """Return how many seconds a refusal asks to wait, from 0 to MAX_RETRY_AFTER_S; None if it says nothing of it.

    Args:
        headers: With names in lower case.
        body: The answer.
        words: What it says to people.
        now: Aware, to measure moments from.
    """
    if (told := parse_retry_after(headers.get("retry-after"), now)) is not None:
        return told
    if re.fullmatch(_NUMBER, ms := headers.get("retry-after-ms", "").strip()):
        return min(float(ms) / 1000, MAX_RETRY_AFTER_S)
    if delay := _RETRY_DELAY.search(body):
        return _duration(delay[1].decode("ascii", "replace"))
    if asked := _IN_WORDS.search(words):
        return _duration(asked["wait"])
    return _until_reset(headers, now)


def _until_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Until a limit of which nothing remains begins anew; the longest, where there are several."""
    waits = []
    for name, value in headers.items():
        if _RESET.fullmatch(name) and headers.get(name.replace("reset", "remaining"), "0").strip() in ("0", "0.0"):
            number = re.fullmatch(_NUMBER, value.strip())
            seconds = float(value) if number else _duration(value)
            if seconds is not None:
                waits.append(seconds - now.timestamp() if seconds >= _EPOCH_S else seconds)
    return min(max(*waits, 0.0), MAX_RETRY_AFTER_S) if waits else None


def _duration(text: str) -> float | None:
    """The seconds that numbers with units amount to, None if there is none."""
    parts = [(float(part[1]), part.lastgroup) for part in _PART.finditer(text)]
    seconds = sum(number * _UNITS[unit] for number, unit in parts if unit is not None)
    return min(seconds, MAX_RETRY_AFTER_S) if parts else None


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
