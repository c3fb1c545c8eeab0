"""Fault injection: the kinds of faults, and which requests they hit: a random share, or given numbers.

A fault is written `KIND=P` (the probability that it hits a request, 0 to 1) or `KIND@3,7-9,20-`
(numbers of generate requests in order of arrival, from 1). At most one fault hits a request. A kind
with probability 0.1 hits one request in ten regardless of the other kinds, so the probabilities of
all kinds add up to at most 1. The outcome depends only on the number of the request and the
simulator's seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from batchgen.core.errors import UsageError


class FaultKind(StrEnum):
    """The kinds of faults, by their names on the command line and in the bill."""

    # The service refuses the request with a documented error. Nothing is charged.
    BAD_REQUEST = "bad_request"  # 400
    BAD_KEY = "bad_key"  # 401
    NO_CREDITS = "no_credits"  # 403
    NOT_FOUND = "not_found"  # 404
    REQUEST_TIMEOUT = "request_timeout"  # 408
    CONFLICT = "conflict"  # 409
    TOO_EARLY = "too_early"  # 425
    RATE_LIMITED = "rate_limited"  # 429, with Retry-After as the settings say
    SERVER_ERROR = "server_error"  # 500
    BAD_GATEWAY = "bad_gateway"  # 502, as HTML
    UNAVAILABLE = "unavailable"  # 503, with Retry-After as the settings say
    BUSY = "busy"  # 503 as HTML and without Retry-After, as nginx's limit_req answers
    GATEWAY_TIMEOUT = "gateway_timeout"  # 504
    # A proxy or firewall answers instead of the service, or nothing does. Nothing is charged.
    RESET_EARLY = "reset_early"  # the connection is reset before any work
    FORBIDDEN = "forbidden"  # 403 as HTML, as from a firewall
    HTML_200 = "html_200"  # a proxy's page with status 200
    REDIRECT = "redirect"  # a redirect to another redirect, without end
    # Success with fewer images than requested. Missing images are not charged.
    NO_IMAGE = "no_image"  # data is null or empty
    FEWER_IMAGES = "fewer_images"  # one image short
    # The images are made and charged, and then the answer is broken.
    RESET = "reset"  # the connection is reset instead of an answer
    STALL = "stall"  # no answer for a long time
    TRUNCATED_BODY = "truncated_body"  # the connection closes in the middle of the body
    CUT_OFF = "cut_off"  # a gateway in front loses patience: its page, with 504
    BROKEN_JSON = "broken_json"  # a complete body that is not JSON
    BROKEN_BASE64 = "broken_base64"  # characters that are not in base64
    BROKEN_IMAGE = "broken_image"  # the image files are truncated
    DRIP = "drip"  # the right answer, a byte at a time
    HUGE = "huge"  # an answer of hundreds of megabytes
    BOMB = "bomb"  # the same, compressed to a thousandth
    # The answer is correct; its links fail. Only answers with links are hit.
    LATE_CDN = "late_cdn"  # 404, 403, ... for the first fetches
    CUT_CDN = "cut_cdn"  # the first fetches break off in the middle
    MOVED_CDN = "moved_cdn"  # one redirect, then the image
    REDIRECT_CDN = "redirect_cdn"  # redirects without end
    GONE_CDN = "gone_cdn"  # always 404


# The end of an open range such as "20-".
LAST_NUMBER = 2**63

_SHARE = re.compile(r"\s*([a-z0-9_]+)\s*=\s*([0-9.eE+-]+)\s*", re.ASCII)
_SCHEDULE = re.compile(r"\s*([a-z0-9_]+)\s*@\s*([0-9, -]+)", re.ASCII)
_NUMBERS = re.compile(r"\s*([0-9]{1,15})\s*(-?)\s*([0-9]{0,15})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault and the requests that it hits: a random share, or those whose number is in `numbers`."""

    kind: FaultKind
    probability: float = 0.0
    numbers: tuple[range, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise UsageError(f"fault {self.kind}: a probability is from 0 to 1, not {self.probability}")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Parse `KIND=P` or `KIND@3,7-9`. Raises UsageError, with the known kinds, if the text is neither."""
        if share := _SHARE.fullmatch(text):
            return cls(_parse_kind(share[1]), probability=_parse_probability(text, share[2]))
        if schedule := _SCHEDULE.fullmatch(text):
            numbers = tuple(_parse_numbers(text, part) for part in schedule[2].split(","))
            return cls(_parse_kind(schedule[1]), numbers=numbers)
        raise UsageError(
            f"fault {_quote(text)}: write KIND=P with P from 0 to 1, as in reset=0.1, "
            f"or KIND@NUMBERS, as in reset@3,7-9; kinds: {_list_kinds()}"
        )

    def __str__(self) -> str:
        if not self.numbers:
            return f"{self.kind}={self.probability!r}"
        return f"{self.kind}@{','.join(map(_format_numbers, self.numbers))}"


def choose_fault(faults: Sequence[Fault], number: int, seed: int) -> FaultKind | None:
    """The fault that hits the request with this number: a scheduled one first, else a random one.

    Args:
        faults: the faults that are in effect.
        number: the number of the request, from 1.
        seed: the simulator's seed; the same seed gives the same choice.
    """
    for fault in faults:
        if any(number in numbers for numbers in fault.numbers):
            return fault.kind
    drawn = random.Random(f"fault {seed} {number}").random()  # noqa: S311  (not for secrets: a test can repeat it)
    for fault in faults:
        if drawn < fault.probability:
            return fault.kind
        drawn -= fault.probability
    return None


def _parse_kind(name: str) -> FaultKind:
    if name not in FaultKind.__members__.values():
        raise UsageError(f"unknown fault {_quote(name)}; kinds: {_list_kinds()}")
    return FaultKind(name)


def _parse_probability(text: str, number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise UsageError(f"fault {_quote(text)}: {number} is not a number from 0 to 1") from None


def _parse_numbers(text: str, part: str) -> range:
    found = _NUMBERS.fullmatch(part)
    if not found or (found[3] and not found[2]):
        raise UsageError(f"fault {_quote(text)}: {_quote(part)} is neither a number nor a range such as 7-9 or 20-")
    first = int(found[1])
    last = int(found[3]) if found[3] else LAST_NUMBER - 1 if found[2] else first
    if first < 1 or last < first:
        raise UsageError(f"fault {_quote(text)}: requests are counted from 1, and a range goes upwards")
    return range(first, last + 1)


def _format_numbers(numbers: range) -> str:
    if numbers.stop == LAST_NUMBER:
        return f"{numbers.start}-"
    return str(numbers.start) if len(numbers) == 1 else f"{numbers.start}-{numbers.stop - 1}"


def _list_kinds() -> str:
    return ", ".join(FaultKind)


def _quote(text: str) -> str:
    # A fault comes from a command line or a request: the message must stay one readable line.
    return ascii(text[:80])
