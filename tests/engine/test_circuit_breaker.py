"""What counts as a service of which no answer can be used."""

from __future__ import annotations

import pytest

from batchgen.config.settings import RetrySettings
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.engine.circuit_breaker import CircuitBreaker


def trips(*errors: ProviderError | None, rows: str = "abcdefghi") -> bool:
    """Whether three failures in a row trip a breaker after these outcomes, None for a success, each of its row."""
    reasons: list[str] = []
    breaker = CircuitBreaker(RetrySettings(first_failures=3), reasons.append, print)
    for error, row in zip(errors, rows * 9, strict=False):
        if error is None:
            breaker.record_success()
        else:
            breaker.record_failure(error, row)
    return bool(reasons)


def refused(message: str, status: int = 400) -> ProviderError:
    return ProviderError(ErrorKind.BAD_REQUEST, message, http_status=status)


def failed(message: str, status: int) -> ProviderError:
    return ProviderError(ErrorKind.SERVER_ERROR, message, http_status=status)


UNREADABLE = ProviderError(ErrorKind.BAD_ANSWER, "no JSON", http_status=200)
SILENT = ProviderError(ErrorKind.TIMEOUT, "silence")
CUT_OFF = ProviderError(ErrorKind.CUT_OFF, "a page", http_status=504)
THROTTLED = ProviderError(ErrorKind.RATE_LIMITED, "too many", http_status=429)


@pytest.mark.parametrize(
    "errors",
    [
        [UNREADABLE] * 3,
        [refused("no such field")] * 3,
        [UNREADABLE, SILENT, CUT_OFF],  # each may have been charged
        [UNREADABLE, THROTTLED, UNREADABLE, THROTTLED, UNREADABLE],  # a refusal by rate says nothing
        [UNREADABLE, refused("no"), UNREADABLE, UNREADABLE, UNREADABLE],
        [refused(f"no such field (request id {one})") for one in ("req_01HZX7", "req_01HZX8", "req_01J001")],
        [refused(f"no such field, trace 4fe{one * 12}, at 12:00:0{one}Z") for one in "123"],
        [failed("the server erred", 500), failed("call req_1 erred", 500), failed("at rest", 503)],
    ],
)
def test_first_failures_for_one_reason_trip_it(errors: list[ProviderError]) -> None:
    assert trips(*errors)
    assert not trips(None, *errors)


def test_after_a_success_it_takes_three_times_as_many_that_were_paid_for() -> None:
    dear = ProviderError(ErrorKind.NO_IMAGE, "nothing", http_status=200, cost_usd=0.04)
    assert trips(None, *[UNREADABLE] * 8, dear)
    assert not trips(None, *[UNREADABLE] * 8, None, *[UNREADABLE] * 8)
    assert not trips(None, *[UNREADABLE] * 20, rows="ab")
    for free_or_unanswered in (refused("no"), SILENT, CUT_OFF, THROTTLED):
        assert not trips(None, *[free_or_unanswered] * 20)


@pytest.mark.parametrize(
    "errors",
    [
        [UNREADABLE] * 2,
        [refused("row 1 is too long"), refused("row 2 is too long"), refused("row 3 is too long")],
        [refused("no"), refused("no", status=422), refused("no")],
        [UNREADABLE, UNREADABLE, refused("no"), UNREADABLE, UNREADABLE],
        [THROTTLED] * 9,
    ],
)
def test_failures_for_several_reasons_are_those_of_rows(errors: list[ProviderError]) -> None:
    assert not trips(*errors)


@pytest.mark.parametrize("error", [UNREADABLE, refused("no such field"), failed("erred", 500)])
def test_two_rows_are_not_all_rows_however_often_they_fail(error: ProviderError) -> None:
    assert not trips(*[error] * 18, rows="ab")
    assert trips(*[error] * 5, rows="abababc"[2:])
    assert not trips(*[error] * 2, rows="abc"), "three rows, and too few failures"


def test_rows_that_are_not_all_rows_are_not_paid_for_again_and_again() -> None:
    breaker = CircuitBreaker(RetrySettings(first_failures=3), lambda reason: None, print)
    for row in "aba":
        assert not breaker.is_hopeless
        breaker.record_failure(UNREADABLE, row)
    assert breaker.is_hopeless
    breaker.record_success()
    assert not breaker.is_hopeless


BUSY = ProviderError(ErrorKind.BUSY, "HTTP 503: 503 Service Temporarily Unavailable", http_status=503)


def test_a_door_that_turns_everyone_away_is_an_outage() -> None:
    reasons: list[str] = []
    breaker = CircuitBreaker(RetrySettings(connection_failures=3), reasons.append, print)
    for row in "abc":
        assert not reasons
        breaker.sent(row)
        breaker.answered(row)
        breaker.record_failure(BUSY, row)
    assert "3 requests in a row did not get through" in reasons[0]


def test_what_was_let_in_before_is_waited_for() -> None:
    reasons: list[str] = []
    breaker = CircuitBreaker(RetrySettings(connection_failures=3), reasons.append, print)
    breaker.sent("inside")
    for row in "abcdef":
        breaker.sent(row)
        breaker.answered(row)
        breaker.record_failure(BUSY, row)
    assert not reasons
    breaker.answered("inside")
    breaker.record_success()
    breaker.record_failure(BUSY, "g")
    assert not reasons


def test_a_door_that_opens_now_and_then_is_a_pace() -> None:
    assert not trips(*[BUSY, BUSY, None] * 5)
