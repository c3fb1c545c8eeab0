"""How long a service asks to wait: in the Retry-After header, in headers of its own, or in the words of a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

# Longer waits than an hour are a service gone for the night; to ask once an hour costs nothing.
MAX_RETRY_AFTER_S: Final = 3600.0

# Seconds since 1970, and milliseconds since then: no service asks to wait so long.
_EPOCH_S: Final = 1_000_000_000
_EPOCH_MS: Final = 1_000_000_000_000

# Of a header; what is longer says no time.
_MAX_CHARACTERS: Final = 500

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER: Final = r"[0-9]{1,15}(?:\.[0-9]{0,9})?"
# One or more numbers with their units, as in `1h2m3.5s` and `20 seconds`.
_PART: Final = re.compile(
    rf"({_NUMBER})\s*(?:(?P<ms>ms|msecs?|millis|milliseconds?)|(?P<s>s|secs?|seconds?)|(?P<m>m|mins?|minutes?)"
    r"|(?P<h>h|hrs?|hours?))(?![a-z])",
    re.IGNORECASE | re.ASCII,
)
_IN_WORDS: Final = re.compile(
    r"\b(?:(?:(?:re)?try(?:ing)?|wait)\b[^.:;\d]{0,40}?|(?:retry[ -]after|wait):\s*"
    r"|(?:available|resets?)\b (?:again )?(?:in|after) (?:~ ?|about |approximately )?)"
    rf"(?P<wait>(?:{_NUMBER}\s*[a-z]+(?:\s*(?:and\s+)?(?=\d))?)+)",
    re.IGNORECASE,
)
_BARE_IN_WORDS: Final = re.compile(
    rf"\b(?:re)?try (?:again )?(?:in|after):? (?:(?P<seconds>{_NUMBER})(?!\s*[\w%/-])"
    r"|(?:an?|one) (?P<unit>s|m|h)(?:econd|inute|our)\b)",
    re.IGNORECASE,
)
# In JSON: as text with a unit, as Google's error details have it, or as a number of seconds or milliseconds.
_IN_BODY: Final = re.compile(
    rb'"retry_?(?:after|delay|in)(?P<ms>_?(?:ms|millis|milliseconds))?(?:_?s(?:ec(?:ond)?s?)?)?"\s*:\s*'
    rb'(?:\{\s*"seconds"\s*:\s*)?"?(?P<wait>[^"{},\s]{1,40})',
    re.IGNORECASE,
)
_RESET: Final = re.compile(r"(?:[a-z]+-?)?rate-?limit-?(?:[a-z]+-)?reset(?:-[a-z-]+)?")
# Both forms of the IETF's drafts, as in `limit=10, remaining=0, reset=5` and `"default";r=0;t=5`.
_RATELIMIT: Final = re.compile(r"\b(?:remaining|r)=0\b.*?\b(?:reset|t)=(\d{1,9})\b")


def wait_asked(headers: Mapping[str, str], body: bytes, words: str, now: datetime) -> float | None:
    """Return how many seconds a refusal asks to wait, from 0 to MAX_RETRY_AFTER_S; None if it says nothing of it.

    Args:
        headers: With names in lower case.
        body: The answer.
        words: What it says to people.
        now: Aware, to measure moments from.
    """
    named = [_span(headers.get(name), now) for name in ("retry-after", "x-retry-after")]
    named += [_span(headers.get(name), now, 0.001) for name in ("retry-after-ms", "x-ms-retry-after-ms")]
    if told := [wait for wait in named if wait is not None]:
        return max(told)
    if said := _IN_BODY.search(body):
        wait = _span(said["wait"].decode("ascii", "replace"), now, 0.001 if said["ms"] else 1.0)
        if wait is not None:
            return wait
    if asked := _IN_WORDS.search(words):
        return _duration(asked["wait"])
    if asked := _BARE_IN_WORDS.search(words):
        return min(float(asked["seconds"] or _UNITS[asked["unit"].lower()]), MAX_RETRY_AFTER_S)
    return _until_reset(headers, now)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait as a Retry-After header says, from 0 to MAX_RETRY_AFTER_S; None if it says nothing readable.

    value: seconds, or an HTTP date (RFC 9110, section 10.2.3); some services write a unit, or a moment in seconds or
    milliseconds since 1970 or as ISO 8601 has it. now: aware, to measure a moment from.
    """
    return _span(value, now)


def _span(value: str | None, now: datetime, unit_s: float = 1.0) -> float | None:
    """The seconds that a value stands for; unit_s: of a number without a unit that is no moment."""
    value = "" if value is None or len(value) > _MAX_CHARACTERS else value.strip()
    if re.fullmatch(_NUMBER, value):
        number = float(value)
        if number >= _EPOCH_MS:
            number, unit_s = number / 1000 - now.timestamp(), 1.0
        elif number >= _EPOCH_S:
            number, unit_s = number - now.timestamp(), 1.0
        return min(max(number * unit_s, 0.0), MAX_RETRY_AFTER_S)
    if re.fullmatch(rf"(?:{_NUMBER}\s*[a-z]+\s*)+", value, re.IGNORECASE):
        return _duration(value)
    until = _moment(value)
    return None if until is None else min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def _moment(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
            # "-0000" is UTC by RFC 5322, and so is what names no zone here.
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _until_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Until a limit of which nothing remains begins anew; the longest, where there are several."""
    waits = []
    for name, value in headers.items():
        if _RESET.fullmatch(name) and headers.get(name.replace("reset", "remaining"), "0").strip() in ("0", "0.0"):
            waits.append(_span(value, now, 0.001 if name.endswith("-ms") else 1.0))
    if reset := _RATELIMIT.search(headers.get("ratelimit", "")[:_MAX_CHARACTERS]):
        waits.append(_span(reset[1], now))
    return max((wait for wait in waits if wait is not None), default=None)


def _duration(text: str) -> float | None:
    """The seconds that numbers with units amount to, None if there is none."""
    parts = [(float(part[1]), part.lastgroup) for part in _PART.finditer(text)]
    seconds = sum(number * _UNITS[unit] for number, unit in parts if unit is not None)
    return min(seconds, MAX_RETRY_AFTER_S) if parts else None
