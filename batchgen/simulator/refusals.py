"""Refusals: error answers, in the form and words of AI/ML API's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from batchgen.simulator.faults import FaultKind
from batchgen.simulator.settings import RetryAfter


class Refusal(Exception):
    """Raised to refuse a request; becomes the response.

    Args:
        status: the HTTP status.
        message: the text of the error.
        outcome: the outcome of the request in the bill.
        retry_after_s: seconds until a retry makes sense, for the header Retry-After; None for no header.
        html: whether the body is HTML, as from a proxy, and not JSON.
    """

    def __init__(
        self, status: int, message: str, *, outcome: str, retry_after_s: float | None = None, html: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.outcome = outcome
        self.retry_after_s = retry_after_s
        self.html = html


# The faults that are refusals: status and message.
REFUSING: Mapping[FaultKind, tuple[int, str]] = {
    FaultKind.BAD_REQUEST: (400, "Body validation error: prompt: Expected another prompt, received this one"),
    FaultKind.BAD_KEY: (401, "This request requires a valid API key"),
    FaultKind.NO_CREDITS: (403, "You've run out of credits"),
    FaultKind.NOT_FOUND: (404, "The model was not found"),
    FaultKind.FORBIDDEN: (403, "Forbidden"),
    FaultKind.REQUEST_TIMEOUT: (408, "Request Timeout"),
    FaultKind.CONFLICT: (409, "Conflict"),
    FaultKind.TOO_EARLY: (425, "Too Early"),
    FaultKind.RATE_LIMITED: (429, "Too Many Requests"),
    FaultKind.SERVER_ERROR: (500, "Something wrong with the server"),
    FaultKind.BAD_GATEWAY: (502, "Bad Gateway"),
    FaultKind.UNAVAILABLE: (503, "Service unavailable"),
    FaultKind.BUSY: (503, "Service Temporarily Unavailable"),
    FaultKind.GATEWAY_TIMEOUT: (504, "Generation timeout"),
}


def refuse(kind: FaultKind, retry_after_s: float) -> Refusal:
    """The refusal for a kind in `REFUSING`; only 429 and the service's 503, which are temporary, have a Retry-After."""
    status, message = REFUSING[kind]
    return Refusal(
        status,
        message,
        outcome=kind,
        retry_after_s=retry_after_s if kind in (FaultKind.RATE_LIMITED, FaultKind.UNAVAILABLE) else None,
        html=kind in (FaultKind.BAD_GATEWAY, FaultKind.FORBIDDEN, FaultKind.BUSY),
    )


def format_retry_after(seconds: float, form: RetryAfter) -> str | None:
    """The value of Retry-After, rounded up to whole seconds so that a retry is never too early."""
    whole = max(1, -int(-seconds // 1))
    match form:
        case RetryAfter.SECONDS:
            return str(whole)
        case RetryAfter.HTTP_DATE:
            # A date has whole seconds: one second more makes up for the fraction that is cut off.
            return format_datetime(datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=whole + 1), usegmt=True)
        case RetryAfter.NONE:
            return None
