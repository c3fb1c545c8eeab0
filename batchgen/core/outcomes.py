"""Where an image slot stands, what went wrong, and the one table that says what follows from it.

Providers turn their service's statuses and words into kinds and know nothing of what follows. Retries, the
circuit breaker, the budget and the index look it up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Status(StrEnum):
    """Where an image slot stands. A slot with no record at all is pending."""

    OK = "ok"
    BLOCKED = "blocked"  # the safety filter dropped it: nothing was charged, and the same request gives the same
    FAILED = "failed"  # refused, or given up after the last try
    INVALID = "invalid"  # the row is wrong: never sent
    IN_DOUBT = "in_doubt"  # sent, answer never seen: may have been charged


class ErrorKind(StrEnum):
    """What went wrong, in one word; stands as `error_kind` in the index."""

    INVALID_ROW = "invalid_row"
    BAD_REQUEST = "bad_request"
    SAFETY = "safety"
    BAD_KEY = "bad_key"
    NO_CREDITS = "no_credits"
    ACCOUNT = "account"  # closed, not verified, or not served where it is
    QUOTA = "quota"  # of a day or a month is used up
    NOT_FOUND = "not_found"  # the model, or the address
    UNEXPLAINED = "unexplained"  # refused (403, 404), and not said whether for the row, the model or the account
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"  # turned away at the door for too much load: 503 in such words, as of nginx's limit_req
    CONFLICT = "conflict"  # 409, 425
    SERVER_ERROR = "server_error"  # 5xx in the service's own words
    CUT_OFF = "cut_off"  # something before the service gave up waiting for it: 408, 502, 504, a page with 5xx
    GATEWAY = "gateway"  # something before the service refused it: 403 without the service's own words
    UNREACHABLE = "unreachable"  # no connection was made: nothing was sent
    DISCONNECTED = "disconnected"  # sent, then the connection broke
    TIMEOUT = "timeout"  # sent, then silence past the limit
    LOST = "lost"  # answered, but batchgen was killed before the image was on disk
    BAD_ANSWER = "bad_answer"  # no JSON, or no known form of answer
    BAD_IMAGE = "bad_image"  # not an image, or a damaged one
    NO_IMAGE = "no_image"  # an answer without an image, and no verdict of a filter: an error of the moment
    TOO_FEW = "too_few"  # fewer images than asked for, and no reason; to ask again buys the others again
    NOT_FETCHED = "not_fetched"  # paid for, link known, download not yet done
    ACCEPTED = "accepted"  # the service works on it as a job: it is collected, and not asked for again
    EXPIRED = "expired"  # accepted as a job that the service has no more, or that brought nothing in its time


class Affects(StrEnum):
    """What else fails for the same reason, and so what stops or waits."""

    NOBODY = "nobody"  # chance: this request is tried again, after a growing wait
    ROW = "row"  # the row: it fails, the others go on
    RATE = "rate"  # the account's rate: all its requests wait, and none is blamed
    MODEL = "model"  # all rows of the model stay pending
    ACCOUNT = "account"  # all rows of the account stay pending
    UNCLEAR = "unclear"  # the row, if others of its model succeed; else the model
    PROVIDER = "provider"  # tried again; many in a row, and the provider's rows stay pending


class Charged(StrEnum):
    """Whether a call that failed so has cost money."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Policy:
    """What follows from an error kind.

    Attributes:
        affects: what else fails for the same reason.
        charged: whether the call may have cost money.
        final: whether asking again would give the same, or buy again what was received damaged; then only
            `--retry` asks again.
        in_doubt: whether the service may have done the work while its answer was never seen.
    """

    affects: Affects
    charged: Charged
    final: bool = False
    in_doubt: bool = False


_POLICIES: Final[Mapping[ErrorKind, Policy]] = MappingProxyType(
    {
        ErrorKind.INVALID_ROW: Policy(Affects.ROW, Charged.NO, final=True),
        ErrorKind.BAD_REQUEST: Policy(Affects.ROW, Charged.NO, final=True),
        ErrorKind.SAFETY: Policy(Affects.ROW, Charged.NO, final=True),
        ErrorKind.BAD_KEY: Policy(Affects.ACCOUNT, Charged.NO),
        ErrorKind.NO_CREDITS: Policy(Affects.ACCOUNT, Charged.NO),
        ErrorKind.ACCOUNT: Policy(Affects.ACCOUNT, Charged.NO),
        ErrorKind.QUOTA: Policy(Affects.MODEL, Charged.NO),  # most are of a model; an account's stops the next one too
        ErrorKind.NOT_FOUND: Policy(Affects.MODEL, Charged.NO),
        ErrorKind.UNEXPLAINED: Policy(Affects.UNCLEAR, Charged.NO, final=True),
        ErrorKind.RATE_LIMITED: Policy(Affects.RATE, Charged.NO),
        ErrorKind.BUSY: Policy(Affects.RATE, Charged.NO),
        ErrorKind.CONFLICT: Policy(Affects.NOBODY, Charged.NO),
        ErrorKind.SERVER_ERROR: Policy(Affects.NOBODY, Charged.NO),
        ErrorKind.CUT_OFF: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
        ErrorKind.GATEWAY: Policy(Affects.PROVIDER, Charged.NO),
        ErrorKind.UNREACHABLE: Policy(Affects.PROVIDER, Charged.NO),
        ErrorKind.DISCONNECTED: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
        ErrorKind.TIMEOUT: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
        ErrorKind.LOST: Policy(Affects.NOBODY, Charged.YES),
        ErrorKind.BAD_ANSWER: Policy(Affects.NOBODY, Charged.MAYBE),
        ErrorKind.BAD_IMAGE: Policy(Affects.NOBODY, Charged.YES, final=True),
        ErrorKind.NO_IMAGE: Policy(Affects.NOBODY, Charged.NO),
        ErrorKind.TOO_FEW: Policy(Affects.NOBODY, Charged.NO, final=True),
        ErrorKind.NOT_FETCHED: Policy(Affects.NOBODY, Charged.YES),
        ErrorKind.ACCEPTED: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
        # Not asked for again in the run that lost it: whatever takes one job may take all.
        ErrorKind.EXPIRED: Policy(Affects.ROW, Charged.MAYBE, in_doubt=True),
    }
)


def policy_of(kind: ErrorKind) -> Policy:
    """Return what follows from an error kind."""
    return _POLICIES[kind]


# Sets of the table for those who look at many records at once.
FINAL_KINDS = frozenset(kind for kind, policy in _POLICIES.items() if policy.final)
IN_DOUBT_KINDS = frozenset(kind for kind, policy in _POLICIES.items() if policy.in_doubt)
