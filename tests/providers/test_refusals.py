"""What the words of a refusal mean, service by service, and what only sounds like it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.answers.statuses import kind_of_status
from batchgen.providers.http.said import said_by, said_in

# Bodies as services write them.
SAFETY = [
    {"error": {"message": "Your request was rejected by the safety system. safety_violations=[violence].",
               "type": "image_generation_user_error", "param": None, "code": "moderation_blocked"}},
    {"error": {"message": "Refused.", "code": "content_policy_violation", "type": "invalid_request_error"}},
    {"error": {"code": "contentFilter", "message": "Your task failed as a result of our safety system."}},
    {"error": {"message": "The response was filtered due to the prompt triggering our content management policy.",
               "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
    {"error": {"code": 400, "status": "INVALID_ARGUMENT",
               "message": "The prompt may violate Google's Responsible AI practices. Try rephrasing."}},
    {"error": {"code": 400, "message": "Blocked.", "status": "PROHIBITED_CONTENT"}},
    {"promptFeedback": {"blockReason": "IMAGE_SAFETY"}},
    {"detail": [{"loc": ["body", "prompt"], "msg": "The content holds material flagged by a content checker.",
                 "type": "content_policy_violation", "input": {"prompt": "x"}}]},
    {"status": "Request Moderated", "details": {"Moderation Reasons": ["Derivative Works"]}},
    {"status": "Content Moderated"},
    {"name": "content_moderation", "errors": ["Your request was flagged by our moderation and was not charged."]},
    {"error": "Prompt provided failed safety check because of prohibited content."},
    {"detail": "The image did not pass the safety check."},
    {"message": "NSFW content detected. Try a different prompt."},
    {"error": "The input or output was flagged as sensitive. (E005)"},
    {"code": "DataInspectionFailed", "message": "Input data may be unfit."},
    {"message": "Output data may contain inappropriate content."},
    {"error": {"code": "InputTextSensitiveContentDetected", "message": "The request failed."}},
    {"error": "Generated image rejected by content moderation."},
    {"message": "litellm.ContentPolicyViolationError: upstream said no"},
    {"message": "Prompt contains sensitive words"},
    {"message": "This prompt violates our community guidelines."},
    {"message": "We can't make this: it goes against our content policy."},
    {"message": "The prompt mentions public figures."},
    {"message": "Your prompt is not allowed under our safety policy."},
    {"message": "Refused by the safety filter. Repeated violations may get your account suspended."},
    {"message": "The image could not be made because it may show copyrighted characters"},
    {"message": "Possible copyright or trademark infringement in the prompt"},
    {"error": {"message": "I can't help with creating that image."}},
    {"error": {"message": "Sorry, your prompt goes against our guidelines and cannot be processed"}},
    {"error": {"message": "Guardrail raised an exception, Guardrail: names, Message: Blocked entity detected"}},
    {"message": "Request blocked by guardrails"},
    {"error": {"message": "The prompt was considered unsafe and cannot be used."}},
    {"error": {"message": "Prompt rejected: hate speech"}},
    {"error": {"message": "We do not allow that kind of prompt: violence"}},
    {"error": {"message": "Prompt contains forbidden words: gun"}},
    {"error": {"message": "self-harm content cannot be shown"}},
    {"error": {"message": "Generation was refused by the model."}},
    {"message": "This prompt is prohibited"},
    {"message": "content filtered"},
    {"error": {"code": "1301", "message": "内容审核未通过"}},
]  # fmt: skip
NO_SAFETY = [
    {"message": "safety_tolerance: Expected number to be at most 6, received 9"},
    {"message": "enable_safety_checker: Expected boolean, received string"},
    {"message": "Body validation error", "errors": [{"code": "invalid_enum_value", "path": ["safety_setting"],
     "options": ["block_low_and_above"], "message": "Expected 'block_low_and_above', received 'prohibited content'"}]},
    {"error": {"message": "Invalid value: 'strict'. Supported values are: 'low' and 'auto'.", "param": "moderation",
               "code": "invalid_value", "type": "invalid_request_error"}},
    {"error": {"message": "Unknown parameter: 'moderation'.", "code": "unknown_parameter", "param": "moderation"}},
    {"message": "content_filter: Expected boolean"},
    {"message": "The field `nsfw` was blocked: no such field"},
    {"message": "You are not allowed to disable the safety checker for this request; that was rejected."},
    {"message": "Safety settings are not allowed with this endpoint; value rejected"},
    {"detail": [{"loc": ["body", "safetyTolerance"], "msg": "Input should be less than or equal to 6",
                 "type": "less_than_equal", "input": "NSFW content detected"}]},
    {"message": "Model names are case sensitive. Content is read as UTF-8."},
    {"message": "An explicit Content-Type header is needed"},
    {"message": "Downloading the reference: image was blocked by the remote server"},
    {"message": "prompt is too long: at most 400 characters"},
    {"message": "forbidden content type"},
    {"message": "seed does not allow negative values"},
    {"message": "Prompts are not accepted: license plate without a country"},
]  # fmt: skip
ACCOUNT = [
    (ErrorKind.NO_CREDITS, {"error": {"message": "You reached it.", "code": "billing_hard_limit_reached"}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "Billing limit of your account was reached", "type": "x"}}),
    (ErrorKind.NO_CREDITS, {"error": {"code": "insufficient_quota", "message": "Buy more."}}),
    (ErrorKind.NO_CREDITS, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}),
    (ErrorKind.NO_CREDITS, {"message": "Your credit balance is too low to use this API."}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "Imagen is only accessible to billed users at this time."}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "Budget has been exceeded! Current cost: 12", "type": "b"}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "This API method requires billing to be enabled."}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "You have no credits left"}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "You don't have enough credits for this operation"}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "Your account balance is $0.00. Please add funds."}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "Your free trial has ended. Please upgrade your plan."}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "Your card was declined"}}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "Monthly spend cap reached"}}),
    (ErrorKind.NO_CREDITS, {"error": "Payment overdue. Please pay your invoice."}),
    (ErrorKind.NO_CREDITS, {"error": {"message": "This request requires more credits; you can only afford 12"}}),
    (ErrorKind.NO_CREDITS, {"code": "Arrearage", "message": "Access denied."}),
    (ErrorKind.BAD_KEY, {"error": {"code": 400, "message": "API key not valid. Please pass one.", "status": "X"}}),
    (ErrorKind.BAD_KEY, {"error": {"message": "no", "details": [{"reason": "API_KEY_INVALID"}]}}),
    (ErrorKind.BAD_KEY, {"error": {"message": "Incorrect API key provided: sk-1."}}),
    (ErrorKind.BAD_KEY, {"message": "Your access token has expired"}),
    (ErrorKind.BAD_KEY, {"message": "Your API key was reported as leaked."}),
    (ErrorKind.BAD_KEY, {"message": "No API key found in request"}),
    (ErrorKind.BAD_KEY, {"message": "Invalid token"}),
    (ErrorKind.BAD_KEY, {"message": "Invalid authentication credentials"}),
    (ErrorKind.BAD_KEY, {"message": "JWT expired"}),
    (ErrorKind.BAD_KEY, {"message": "The security token included in the request is expired"}),
    (ErrorKind.BAD_KEY, {"error": {"message": "This key has been disabled"}}),
    (ErrorKind.BAD_KEY, {"error": {"message": "Your API key does not have permission to use this endpoint"}}),
    (ErrorKind.BAD_KEY, {"error": {"message": "You have insufficient permissions. Missing scopes: images"}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "Access from your country is not permitted"}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "Requests from this region are blocked"}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "Tenant blocked"}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "Your account was flagged for potential fraud"}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "You must accept the terms of service before using this model"}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "User location is not supported for the API use."}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "Country, region, or territory not supported"}}),
    (ErrorKind.ACCOUNT, {"error": {"code": "unsupported_country_region_territory", "message": "no"}}),
    (ErrorKind.ACCOUNT, {"error": {"message": "This service is not available in your country"}}),
    (ErrorKind.ACCOUNT, {"error": {"code": "account_deactivated", "message": "no"}}),
    (ErrorKind.ACCOUNT, {"message": "Your account has been suspended for violating our content policy."}),
    (ErrorKind.ACCOUNT, {"error": {"code": "Forbidden", "message": "Your resource has been temporarily blocked because"
                         " we detected behavior that may violate our content policy."}}),
    (ErrorKind.ACCOUNT, {"message": "Your organization must be verified to use this model."}),
    (ErrorKind.ACCOUNT, {"message": "Please verify your phone number first."}),
]  # fmt: skip
NO_ACCOUNT = [
    {"message": "The parameter 'region' is not supported"},
    {"message": "Unexpected token < in JSON at position 0"},
    {"message": "The prompt has more tokens than the limit of 512"},
    {"message": "Invalid type for num_images: expected a number"},
    {"message": "prompt: Expected string, received null", "path": "/v1/images/generations"},
    {"message": "The mask region is empty"},
    {"message": "Generation failed. No credits were charged."},
    {"message": "The key 'foo' is invalid"},
]


def kind(status: int, body: object, asked: str = "") -> ErrorKind:
    said = said_in(json.dumps(body).encode(), asked)
    assert said is not None
    return kind_of_status(status, said)


@pytest.mark.parametrize("status", [400, 403, 422, 451])
@pytest.mark.parametrize("body", SAFETY)
def test_a_verdict_of_a_safety_filter_is_known_by_its_words(status: int, body: object) -> None:
    assert kind(status, body) is ErrorKind.SAFETY


@pytest.mark.parametrize("body", NO_SAFETY)
def test_a_complaint_about_a_parameter_is_no_verdict(body: object) -> None:
    assert kind(400, body) is ErrorKind.BAD_REQUEST
    assert kind(422, body) is ErrorKind.BAD_REQUEST


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(("expected", "body"), ACCOUNT)
def test_what_concerns_the_account_is_no_rows_fault(expected: ErrorKind, body: object, status: int) -> None:
    assert kind(status, body) is expected


@pytest.mark.parametrize("body", NO_ACCOUNT)
def test_a_wrong_row_is_not_the_accounts_fault(body: object) -> None:
    assert kind(400, body) is ErrorKind.BAD_REQUEST


@pytest.mark.parametrize(
    ("expected", "body"),
    [
        (ErrorKind.RATE_LIMITED, {"message": "Quota exceeded for images per minute; check your plan and billing."}),
        (ErrorKind.RATE_LIMITED, {"message": "You exceeded your current quota. Please retry in 3.9s."}),
        (ErrorKind.RATE_LIMITED, {"message": "Your limit is 6 requests a minute while your credit is below $5."}),
        (ErrorKind.RATE_LIMITED, {"message": "Limit: 5/1min. Current: 6/1min."}),
        (ErrorKind.RATE_LIMITED, {"error": {"message": "You exceeded your current quota, see billing", "details": [
            {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}]}]}}),
        (ErrorKind.RATE_LIMITED, {"message": "15 requests per minute are allowed (and 1500 per day)"}),
        (ErrorKind.RATE_LIMITED, {"message": "Too many concurrent requests"}),
        (ErrorKind.RATE_LIMITED, {}),
        (ErrorKind.QUOTA, {"error": {"message": "Please retry in 34s.", "details": [
            {"violations": [{"quotaId": "GenerateRequestsPerMinute"}, {"quotaId": "GenerateRequestsPerDayPerModel"}]},
            {"retryDelay": "34s"}]}}),
        (ErrorKind.QUOTA, {"message": "Rate limit reached on requests per day (RPD): Limit 200. Try again in 7m12s."}),
        (ErrorKind.QUOTA, {"message": "Daily limit reached (also 10 per minute)"}),
        (ErrorKind.QUOTA, {"message": "You have used your 100 images for this month"}),
        (ErrorKind.QUOTA, {"message": "limit of 50/day exceeded"}),
        (ErrorKind.QUOTA, {"message": "Free quota: 25 images each day"}),
        (ErrorKind.QUOTA, {"message": "Your quota resets on 2026-12-01"}),
        (ErrorKind.NO_CREDITS, {"message": "You exceeded your current quota, please check your plan and billing."}),
        (ErrorKind.NO_CREDITS, {"error": {"code": "billing_hard_limit_reached", "message": "no"}}),
        (ErrorKind.NO_CREDITS, {"message": "Insufficient balance. Retry in 60 seconds."}),
    ],
)  # fmt: skip
def test_a_limit_is_of_a_pace_of_a_day_or_of_money(expected: ErrorKind, body: object) -> None:
    said = said_by(body) or said_by({"message": "Too Many Requests"})
    assert said is not None
    assert kind_of_status(429, said) is expected


@pytest.mark.parametrize(
    ("status", "expected", "body"),
    [
        (
            403,
            ErrorKind.RATE_LIMITED,
            {"error": {"message": "User Rate Limit Exceeded", "reason": "rateLimitExceeded"}},
        ),
        (400, ErrorKind.RATE_LIMITED, {"__type": "x", "code": "ThrottlingException", "message": "slow down"}),
        (400, ErrorKind.QUOTA, {"message": "Daily quota exceeded"}),
        (
            403,
            ErrorKind.QUOTA,
            {"message": "Daily Limit Exceeded. Reset at midnight.", "reason": "dailyLimitExceeded"},
        ),
        (403, ErrorKind.QUOTA, {"message": "You have exceeded your usage limit for this billing period"}),
        (403, ErrorKind.RATE_LIMITED, {"message": "Quota exceeded: requests per minute"}),
        (400, ErrorKind.RATE_LIMITED, {"message": "Concurrency limit exceeded"}),
        (400, ErrorKind.RATE_LIMITED, {"message": "Request rate too high"}),
        (403, ErrorKind.NOT_FOUND, {"message": "You do not have access to this model"}),
        (404, ErrorKind.NOT_FOUND, {"message": "No such endpoint"}),
        (404, ErrorKind.NOT_FOUND, {"error": {"code": "model_not_found", "message": "no"}}),
        (400, ErrorKind.NOT_FOUND, {"error": {"message": "The model was retired"}}),
        (403, ErrorKind.UNEXPLAINED, {"detail": "Forbidden"}),
        (403, ErrorKind.UNEXPLAINED, {"message": "The model does not take this prompt"}),
        (404, ErrorKind.UNEXPLAINED, {"detail": "Not Found"}),
        (404, ErrorKind.UNEXPLAINED, {"message": "The reference image was not found"}),
    ],
)
def test_a_403_and_a_404_say_what_is_not_to_be_had(status: int, expected: ErrorKind, body: object) -> None:
    assert kind(status, body) is expected


@pytest.mark.parametrize("status", [500, 503, 529])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "litellm.Timeout: APITimeoutError - Request timed out."}},
        {"message": "Endpoint request timed out"},
        {"error": {"message": "upstream request timeout"}},
        {"error": {"message": "upstream connect error or disconnect/reset before headers"}},
        {"message": "An invalid response was received from the upstream server"},
        {"error": {"message": "APIConnectionError: Connection reset by peer"}},
        {"error": "socket hang up"},
        {"error": {"message": "no", "code": "ECONNRESET"}},
        {"message": "An unexpected error occurred: ETIMEDOUT"},
        {"error": {"message": "Deadline expired before operation could complete."}},
        {"message": "context deadline exceeded; the service is overloaded"},
    ],
)
def test_a_gateway_that_says_in_json_that_it_waited_in_vain_does_not_know_what_was_charged(
    status: int, body: object
) -> None:
    assert kind(status, body) is ErrorKind.CUT_OFF


def test_a_call_that_was_hung_up_on_may_have_been_charged() -> None:
    cancelled = {"error": {"code": 499, "status": "CANCELLED", "message": "The operation was cancelled."}}
    assert kind(499, cancelled) is ErrorKind.CUT_OFF


def test_a_model_that_is_named_is_meant() -> None:
    said = said_in(b'{"message": "acme/brush-2 is not yours"}', "", "acme/brush-2")
    assert said is not None
    assert kind_of_status(403, said) is ErrorKind.NOT_FOUND


@given(st.sampled_from(SAFETY), st.sampled_from([body for _, body in ACCOUNT]))
def test_a_prompt_that_is_repeated_says_nothing(safety: object, account: object) -> None:
    for asked in (json.dumps(safety)[:300], "a sign that reads: API key expired, NSFW content detected"):
        body = {"message": f"Expected another prompt than {asked}", "input": account, "prompt": safety}
        assert kind(400, body, asked) is ErrorKind.BAD_REQUEST


KEYS = st.sampled_from(["message", "error", "code", "detail", "reason"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@given(JSON, st.sampled_from([400, 403, 404, 422, 429, 451, 500, 503]))
def test_no_words_crash(body: object, status: int) -> None:
    said = said_by(body)
    assert said is None or kind_of_status(status, said) in ErrorKind
