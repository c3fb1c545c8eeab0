"""Statuses and words -> error kinds.

One table turns an HTTP status, and where the status alone does not tell, what the service says, into an ErrorKind.
Statuses, messages and their meaning are from the documentation of AI/ML API and OpenAI; a status that neither names is
read by its class. Services pass on what those behind them say, whose words `refusals` knows. All functions are pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http import pace_words, refusals
from batchgen.providers.http.said import Said


@dataclass(frozen=True, slots=True)
class _Rule:
    """Statuses first to last mean a kind.

    says: must hold for what is said. is_own: asks for the service's own form.
    """

    first: int
    last: int
    kind: ErrorKind | Callable[[Said], ErrorKind | None]
    says: Callable[[Said], bool] | None = None
    is_own: bool = False

    def read(self, status: int, said: Said, is_own: bool) -> ErrorKind | None:
        """Return the kind, None where the rule does not fit."""
        if not self.first <= status <= self.last or (self.is_own and not is_own):
            return None
        if self.says is not None and not self.says(said):
            return None
        return self.kind if isinstance(self.kind, ErrorKind) else self.kind(said)


# The first rule that fits decides.
_RULES: Final = (
    _Rule(300, 399, ErrorKind.NOT_FOUND),  # the API never redirects: the base URL is wrong, or a login page is between
    _Rule(401, 401, ErrorKind.BAD_KEY),
    _Rule(402, 402, ErrorKind.NO_CREDITS),
    _Rule(407, 407, ErrorKind.BAD_KEY),  # a proxy in between wants a login
    # Whether the service or something before it gave up waiting, the service may go on, finish the work and charge it.
    _Rule(408, 408, ErrorKind.CUT_OFF),
    _Rule(499, 499, ErrorKind.CUT_OFF),  # of nginx and Google, for one that something between here and there hung up on
    _Rule(409, 409, ErrorKind.CONFLICT),
    _Rule(425, 425, ErrorKind.CONFLICT),
    _Rule(429, 429, pace_words.kind_of_limit),
    # A page of a gateway says nothing of what it would be asked in the service's words, but for empty accounts.
    _Rule(403, 403, ErrorKind.NO_CREDITS, refusals.is_about_money),
    _Rule(400, 499, refusals.account_kind, is_own=True),
    _Rule(400, 499, ErrorKind.SAFETY, refusals.is_safety, is_own=True),
    _Rule(400, 403, pace_words.kind_of_limit, pace_words.is_pace, is_own=True),
    _Rule(400, 403, ErrorKind.NOT_FOUND, refusals.is_model_gone, is_own=True),
    _Rule(403, 403, ErrorKind.NOT_FOUND, refusals.is_about_the_model, is_own=True),
    # Of a row, a model or the account: another row tells.
    _Rule(403, 403, ErrorKind.UNEXPLAINED, is_own=True),
    # A firewall that dislikes one prompt must not stop the run; one that shuts everything out does, by its number.
    _Rule(403, 403, ErrorKind.GATEWAY),
    _Rule(404, 404, ErrorKind.NOT_FOUND, refusals.is_about_the_address),
    _Rule(404, 404, ErrorKind.NOT_FOUND, refusals.is_about_the_model),
    _Rule(404, 404, ErrorKind.UNEXPLAINED, is_own=True),
    _Rule(404, 405, ErrorKind.NOT_FOUND),
    _Rule(410, 410, ErrorKind.NOT_FOUND),  # a retired model
    _Rule(400, 499, ErrorKind.BAD_REQUEST),
    _Rule(502, 502, ErrorKind.CUT_OFF),
    _Rule(500, 599, ErrorKind.CUT_OFF, pace_words.is_cut_off),
    _Rule(503, 503, ErrorKind.BUSY, pace_words.is_load, is_own=True),
    _Rule(503, 503, ErrorKind.BUSY, pace_words.is_turned_away),
    _Rule(504, 504, ErrorKind.CUT_OFF),
    _Rule(520, 527, ErrorKind.CUT_OFF),  # of Cloudflare, for a server behind it that failed or was too slow
    _Rule(500, 599, ErrorKind.SERVER_ERROR, is_own=True),
    _Rule(500, 599, ErrorKind.CUT_OFF),  # a page of a gateway
)


def kind_of_status(status: int, said: Said, *, is_own: bool = True) -> ErrorKind:
    """The kind of an answer that is no success.

    status: HTTP status other than 200 and 201. said: the answer's words. is_own: whether they came in the
    service's own form, which a gateway's page of HTML does not have.
    A status in no class of errors (204, 999) is BAD_ANSWER.
    """
    for rule in _RULES:
        kind = rule.read(status, said, is_own)
        if kind is not None:
            return kind
    return ErrorKind.BAD_ANSWER
