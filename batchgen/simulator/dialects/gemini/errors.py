"""Errors in the form that all of Google's APIs have: code, status, message and details."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from batchgen.simulator.faults import FaultKind
from batchgen.simulator.refusals import Refusal

_TYPE: Final = "type.googleapis.com/google.rpc."
_STATUSES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    425: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_EXCEEDED: Final = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
# What this service says where others have another status or other words.
_OWN: Final[Mapping[str, tuple[int, str]]] = {
    FaultKind.BAD_KEY: (400, "API key not valid. Please pass a valid API key."),
    FaultKind.NO_CREDITS: (429, "Your prepayment credits are depleted. Please go to AI Studio to manage your billing."),
    FaultKind.SERVER_ERROR: (500, "An internal error has occurred. Please retry."),
    FaultKind.UNAVAILABLE: (503, "The model is overloaded. Please try again later."),
    FaultKind.GATEWAY_TIMEOUT: (504, "The request timed out. Please try again."),
}
_METRIC: Final = "generativelanguage.googleapis.com/generate_content_paid_tier_requests"
# A quota that begins anew later than in an hour is that of a day.
_HOUR_S: Final = 3600


def format_error(refusal: Refusal) -> tuple[int, bytes]:
    """Return the status and the body of a refusal."""
    status, message = _OWN.get(refusal.outcome, (refusal.status, refusal.message))
    details: list[dict[str, Any]] = []
    if refusal.outcome == FaultKind.BAD_KEY:
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
    if status == 429 and refusal.retry_after_s is not None:
        unit = "Day" if refusal.retry_after_s > _HOUR_S else "Minute"
        violation = {"quotaMetric": _METRIC, "quotaId": f"GenerateRequestsPer{unit}PerProjectPerModel"}
        details.append({"@type": f"{_TYPE}QuotaFailure", "violations": [violation]})
        message = f"{_EXCEEDED} \n* Quota exceeded for metric: {_METRIC}"
    if refusal.retry_after_s is not None:
        # Rounded up, so that a retry is never too early.
        delay = f"{-int(-refusal.retry_after_s * 1000 // 1) / 1000:.3f}s"
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": delay})
    error: dict[str, Any] = {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}
    return status, json.dumps({"error": error | ({"details": details} if details else {})}).encode()
