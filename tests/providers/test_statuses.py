"""The table of statuses, case by case, and the headers that go with them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.answers.header_cost import parse_cost
from batchgen.providers.answers.statuses import kind_of_status
from batchgen.providers.http.retry_after import MAX_RETRY_AFTER_S, parse_retry_after
from batchgen.providers.http.said import Said

NOW = datetime(2026, 8, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Body validation error", ErrorKind.BAD_REQUEST),
        (401, "This request requires a valid API key", ErrorKind.BAD_KEY),
        (402, "Payment Required", ErrorKind.NO_CREDITS),
        (403, "You've run out of credits", ErrorKind.NO_CREDITS),
        (403, "Forbidden", ErrorKind.UNEXPLAINED),
        (404, "Cannot POST /v1/images", ErrorKind.NOT_FOUND),
        (405, "", ErrorKind.NOT_FOUND),
        (407, "", ErrorKind.BAD_KEY),
        (408, "litellm.Timeout: the upstream did not answer in time", ErrorKind.CUT_OFF),
        (409, "", ErrorKind.CONFLICT),
        (410, "gone", ErrorKind.NOT_FOUND),
        (413, "", ErrorKind.BAD_REQUEST),
        (422, "", ErrorKind.BAD_REQUEST),
        (425, "", ErrorKind.CONFLICT),
        (429, "Too Many Requests", ErrorKind.RATE_LIMITED),
        (429, "Free-tier limit: 10 requests an hour", ErrorKind.RATE_LIMITED),
        (429, "Quota exceeded for requests per minute", ErrorKind.RATE_LIMITED),
        (429, "You exceeded your current quota, please check your plan", ErrorKind.NO_CREDITS),
        (429, "Insufficient balance", ErrorKind.NO_CREDITS),
        (500, "model under maintenance", ErrorKind.SERVER_ERROR),
        (502, "Bad Gateway", ErrorKind.CUT_OFF),
        (503, "", ErrorKind.SERVER_ERROR),
        (503, "The model is overloaded. Please try again later.", ErrorKind.BUSY),
        (503, "Database unavailable", ErrorKind.SERVER_ERROR),
        (504, "Generation timeout", ErrorKind.CUT_OFF),
        (520, "", ErrorKind.CUT_OFF),
        (527, "", ErrorKind.CUT_OFF),
        (528, "", ErrorKind.SERVER_ERROR),
        (302, "", ErrorKind.NOT_FOUND),
        (204, "", ErrorKind.BAD_ANSWER),
        (999, "", ErrorKind.BAD_ANSWER),
    ],
)
def test_status_and_message_tell_the_kind(status, message, kind) -> None:
    assert kind_of_status(status, Said(message)) is kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (403, "HTTP 403: <html><h1>Forbidden</h1>", ErrorKind.GATEWAY),
        (403, "HTTP 403: You've run out of credits", ErrorKind.NO_CREDITS),
        (401, "HTTP 401: <html>", ErrorKind.BAD_KEY),
        (500, "HTTP 500: <html>", ErrorKind.CUT_OFF),
        (503, "HTTP 503: <html><body><h1>503 Service Unavailable</h1>", ErrorKind.CUT_OFF),
        (503, "HTTP 503: <html><center><h1>503 Service Temporarily Unavailable</h1></center>", ErrorKind.BUSY),
        (529, "HTTP 529 with an empty body", ErrorKind.CUT_OFF),
    ],
)
def test_a_gateways_page_says_nothing_of_the_key_and_nothing_of_the_charge(status, message, kind) -> None:
    assert kind_of_status(status, Said(message), is_own=False) is kind


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("0", 0),
        ("7", 7),
        (" 1.5 ", 1.5),
        ("99999999", MAX_RETRY_AFTER_S),
        ("Sat, 01 Aug 2026 12:00:30 GMT", 30),
        ("Sat, 01 Aug 2026 12:00:30 -0000", 30),
        ("Saturday, 01-Aug-26 12:00:30 GMT", 30),
        ("Sat, 01 Aug 2026 11:00:00 GMT", 0),
        ("Sat, 01 Aug 2999 11:00:00 GMT", MAX_RETRY_AFTER_S),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e5", None),
        ("٣", None),
        ("Sat, 99 Foo 2026 12:00:30 GMT", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(value, wait_s) -> None:
    assert parse_retry_after(value, NOW) == wait_s


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.datetimes().map(format_datetime), st.from_regex(r"\d+ \w+ \d+ [\d:]+ \S+")))
def test_no_retry_after_crashes_or_waits_longer_than_the_bound(value) -> None:
    wait_s = parse_retry_after(value, NOW)
    assert wait_s is None or 0 <= wait_s <= MAX_RETRY_AFTER_S


@pytest.mark.parametrize(
    ("value", "cost_usd"),
    [
        ("0.042", 0.042),
        ("0", 0.0),
        (" 3 ", 3.0),
        ("5e-3", 0.005),
        (None, None),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("1_0", None),
        ("free", None),
    ],
)
def test_a_cost_is_a_number_or_unknown(value, cost_usd) -> None:
    assert parse_cost(value) == cost_usd
