"""Where an image slot stands, and what went wrong: the words of the index."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where an image slot stands. A slot with no record at all is pending."""

    OK = "ok"
    BLOCKED = "blocked"  # the safety filter answered: nothing was charged, asking again gives the same
    FAILED = "failed"  # sent, and refused or given up on
    INVALID = "invalid"  # the row is wrong: never sent
    IN_DOUBT = "in_doubt"  # sent, answer never seen: may have been charged


class ErrorKind(StrEnum):
    """What went wrong, in one word; stands as `error_kind` in the index."""

    # the row's own
    INVALID_ROW = "invalid_row"
    BAD_REQUEST = "bad_request"
    SAFETY = "safety"
    # the account's: stop the run, blame no row
    BAD_KEY = "bad_key"
    NO_CREDITS = "no_credits"
    NOT_FOUND = "not_found"
    # the pace's: everyone waits
    RATE_LIMITED = "rate_limited"
    # the moment's: try again
    CONFLICT = "conflict"  # 408, 409, 425
    SERVER_ERROR = "server_error"  # 500, 502, 503, 504 and unknown statuses of 5xx
    GATEWAY = "gateway"  # something before the service refused it: 403 without the service's own words
    UNREACHABLE = "unreachable"  # no connection was made: nothing was sent
    DISCONNECTED = "disconnected"  # sent, then the connection broke: in doubt
    TIMEOUT = "timeout"  # sent, then silence past the limit: in doubt
    LOST = "lost"  # answered, but batchgen was killed before the image was on disk
    # the answer's: success was said, but what came is not usable
    BAD_ANSWER = "bad_answer"  # no JSON, or neither shape of answer
    BAD_IMAGE = "bad_image"  # not an image, or a damaged one
    NOT_FETCHED = "not_fetched"  # paid for, link known, download not yet done


# Asking again would give the same, or would buy again what came damaged: only `--retry` does it.
PERMANENT_KINDS = frozenset({ErrorKind.INVALID_ROW, ErrorKind.BAD_REQUEST, ErrorKind.SAFETY, ErrorKind.BAD_IMAGE})
