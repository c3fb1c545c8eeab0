"""What counts as a service of which no answer can be used."""

from __future__ import annotations

import pytest

from batchgen.config.settings import RetrySettings
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.engine.circuit_breaker import CircuitBreaker


def trips(*errors: ProviderError | None) -> bool:
    """Whether three failures in a row trip a breaker after these outcomes, None for a success."""
    reasons: list[str] = []
    breaker = CircuitBreaker(RetrySettings(first_failures=3), reasons.append)
    for error in errors:
        if error is None:
            breaker.record_success()
        else:
            breaker.record_failure(error)
    return bool(reasons)


def refused(message: str, status: int = 400) -> ProviderError:
    return ProviderError(ErrorKind.BAD_REQUEST, message, http_status=status)


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
        [UNREADABLE, THROTTLED, UNREADABLE, THROTTLED, UNREADABLE],  # a refusal by pace says nothing
        [UNREADABLE, refused("no"), UNREADABLE, UNREADABLE, UNREADABLE],
    ],
)
def test_first_failures_for_one_reason_trip_it(errors: list[ProviderError]) -> None:
    assert trips(*errors)
    assert not trips(None, *errors)


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
