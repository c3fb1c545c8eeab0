"""Errors of the Gemini API, in Google's form and from what stands before it: what each of them stops, or makes wait."""

from __future__ import annotations

import pytest
from support.gemini import MODEL, error_of, gemini_request, open_gemini, quota_of, reason_of, retry_in

from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Affects, ErrorKind, policy_of

from .conftest import Serve, replying

EXCEEDED = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "head to: https://ai.google.dev/gemini-api/docs/rate-limits. \n* Quota exceeded for metric: "
    f"generativelanguage.googleapis.com/generate_content_paid_tier_requests, limit: 10, model: {MODEL}"
)


async def ask(serve: Serve, status: int, body: bytes) -> ProviderError:
    provider = open_gemini(await serve(replying(status, body)))
    try:
        with pytest.raises(ProviderError) as caught:
            await provider.submit(gemini_request(), "r-1", lambda: None)
    finally:
        await provider.aclose()
    return caught.value


@pytest.mark.parametrize(
    ("code", "body", "kind"),
    [
        (400, error_of(400, "INVALID_ARGUMENT", 'Invalid JSON payload received. Unknown name "n"'), "bad_request"),
        (400, error_of(400, "INVALID_ARGUMENT", "Request contains an invalid argument."), "bad_request"),
        (
            400,
            error_of(400, "INVALID_ARGUMENT", "API key not valid. Please pass one.", reason_of("API_KEY_INVALID")),
            "bad_key",
        ),
        (400, error_of(400, "INVALID_ARGUMENT", "The prompt was blocked due to safety reasons."), "safety"),
        (
            400,
            error_of(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
            "account",
        ),
        (400, error_of(400, "FAILED_PRECONDITION", "Gemini API free tier is not offered here. Sorry."), "account"),
        (400, error_of(400, "FAILED_PRECONDITION", "Please enable billing on project x."), "no_credits"),
        (401, error_of(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), "bad_key"),
        (403, error_of(403, "PERMISSION_DENIED", "Your API key was reported as leaked."), "bad_key"),
        (
            403,
            error_of(403, "PERMISSION_DENIED", "It was not used before, or off.", reason_of("SERVICE_DISABLED")),
            "account",
        ),
        (403, error_of(403, "PERMISSION_DENIED", "The caller does not have permission"), "account"),
        (403, error_of(403, "PERMISSION_DENIED", f"No permission to access the model {MODEL}."), "not_found"),
        (404, error_of(404, "NOT_FOUND", f"models/{MODEL} is not found for API version v1beta"), "not_found"),
        (409, error_of(409, "ABORTED", "The operation was aborted."), "conflict"),
        (429, error_of(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), "rate_limited"),
        (429, error_of(429, "RESOURCE_EXHAUSTED", EXCEEDED, retry_in("34s")), "rate_limited"),
        (
            429,
            error_of(
                429,
                "RESOURCE_EXHAUSTED",
                EXCEEDED,
                quota_of("GenerateRequestsPerMinutePerProjectPerModel"),
                retry_in("34.07s"),
            ),
            "rate_limited",
        ),
        (
            429,
            error_of(
                429,
                "RESOURCE_EXHAUSTED",
                EXCEEDED,
                quota_of("GenerateRequestsPerDayPerProjectPerModel"),
                retry_in("34s"),
            ),
            "quota",
        ),
        (429, error_of(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), "no_credits"),
        (499, error_of(499, "CANCELLED", "The operation was cancelled."), "cut_off"),
        (500, error_of(500, "INTERNAL", "An internal error has occurred."), "server_error"),
        (503, error_of(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), "busy"),
        (503, error_of(503, "UNAVAILABLE", "Currently experiencing high demand."), "busy"),
        (504, error_of(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."), "cut_off"),
        (500, error_of(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."), "cut_off"),
        # From what stands before the service.
        (502, b"<html>Bad Gateway</html>", "cut_off"),
        (503, b"<html>503 Service Temporarily Unavailable</html>", "busy"),
        (403, b"<html>Forbidden</html>", "gateway"),
        (404, b"<html>Not Found</html>", "not_found"),
        (400, b'{"error": "no"}', "bad_request"),
        (400, b'[{"error": {"code": 400, "message": "User", "status": "FAILED_PRECONDITION"}}]', "account"),
    ],
)
async def test_an_error_is_what_google_calls_it(serve: Serve, code: int, body: bytes, kind: str) -> None:
    error = await ask(serve, code, body)
    assert error.kind == kind
    assert error.http_status == code


async def test_a_quota_of_a_day_stops_the_model_and_one_of_a_minute_makes_the_account_wait(serve: Serve) -> None:
    found = {}
    for quota in ("PerDay", "PerMinute"):
        body = error_of(
            429, "RESOURCE_EXHAUSTED", EXCEEDED, quota_of(f"GenerateRequests{quota}PerProject"), retry_in("7s")
        )
        error = await ask(serve, 429, body)
        found[quota] = policy_of(error.kind).affects
        assert error.retry_after_s == 7
    assert found == {"PerDay": Affects.MODEL, "PerMinute": Affects.RATE}


async def test_the_words_of_the_service_are_told(serve: Serve) -> None:
    error = await ask(serve, 404, error_of(404, "NOT_FOUND", "models/x is not found for API version v1beta"))
    assert "models/x is not found for API version v1beta" in error.message
    assert error.kind is ErrorKind.NOT_FOUND
