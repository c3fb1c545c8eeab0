"""Statuses and messages of AI/ML API -> error kinds.

One table turns an HTTP status, and where the status alone does not tell, the service's message, into an ErrorKind.
Statuses, messages and their meaning are from AI/ML API's documentation; a status that it does not name is read by
its class. All functions are pure.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from batchgen.core.outcomes import ErrorKind

# Words for money, as opposed to a quota per time, which passes by itself.
_OUT_OF_CREDITS: Final = re.compile(
    r"out of credits|not enough credits|insufficient (credits?|funds|balance)|exceeded your current quota|top[ -]?up",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """Statuses first to last mean a kind; `words` must be in the message, `is_own` asks for the service's own form."""

    first: int
    last: int
    kind: ErrorKind
    words: re.Pattern[str] | None = None
    is_own: bool = False

    def fits(self, status: int, message: str, is_own: bool) -> bool:
        has_words = self.words is None or self.words.search(message) is not None
        return self.first <= status <= self.last and has_words and (is_own or not self.is_own)


# The first rule that fits decides.
_RULES: Final = (
    _Rule(300, 399, ErrorKind.NOT_FOUND),  # the API never redirects: the base URL is wrong, or a login page is between
    _Rule(401, 401, ErrorKind.BAD_KEY),
    _Rule(402, 402, ErrorKind.NO_CREDITS),
    _Rule(403, 403, ErrorKind.NO_CREDITS, _OUT_OF_CREDITS),
    _Rule(403, 403, ErrorKind.BAD_KEY, is_own=True),  # a key without the right to this model
    # A firewall that dislikes one prompt must not stop the run; one that shuts everything out does, by its number.
    _Rule(403, 403, ErrorKind.GATEWAY),
    _Rule(404, 405, ErrorKind.NOT_FOUND),
    _Rule(410, 410, ErrorKind.NOT_FOUND),  # a retired model
    _Rule(407, 407, ErrorKind.BAD_KEY),  # a proxy in between wants a login
    # Whoever gave up waiting, the service may go on, finish the work and charge it.
    _Rule(408, 408, ErrorKind.CUT_OFF),
    _Rule(409, 409, ErrorKind.CONFLICT),
    _Rule(425, 425, ErrorKind.CONFLICT),
    _Rule(429, 429, ErrorKind.NO_CREDITS, _OUT_OF_CREDITS),
    _Rule(429, 429, ErrorKind.RATE_LIMITED),  # "Free-tier limit ..." too: it passes with time
    _Rule(400, 499, ErrorKind.BAD_REQUEST),
    _Rule(502, 502, ErrorKind.CUT_OFF),
    _Rule(504, 504, ErrorKind.CUT_OFF),
    _Rule(520, 527, ErrorKind.CUT_OFF),  # of Cloudflare, for a server behind it that failed or was too slow
    _Rule(500, 599, ErrorKind.SERVER_ERROR, is_own=True),
    _Rule(500, 599, ErrorKind.CUT_OFF),  # a page of a gateway
)


def kind_of_status(status: int, message: str, *, is_own: bool = True) -> ErrorKind:
    """The kind of an answer that is no success.

    status: HTTP status other than 200 and 201. message: the answer's words, or "". is_own: whether they came in the
    service's own form, which a gateway's page of HTML does not have.
    A status in no class of errors (204, 999) is BAD_ANSWER.
    """
    for rule in _RULES:
        if rule.fits(status, message, is_own):
            return rule.kind
    return ErrorKind.BAD_ANSWER


def parse_cost(value: str | None) -> float | None:
    """US dollars as x-aimlapi-usd-spent says; None if it says nothing readable. Never negative, never infinite."""
    if value is None or not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{0,30})?([eE]-?[0-9]{1,3})?", value.strip()):
        return None
    cost_usd = float(value)
    return cost_usd if math.isfinite(cost_usd) else None
