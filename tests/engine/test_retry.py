"""What follows from a failed attempt, as a table, and what a request remembers of its attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.config.settings import RetrySettings
from batchgen.core.cost import Charge, CostSource
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Affects, ErrorKind, policy_of
from batchgen.core.request import ImageRequest, SeedSource
from batchgen.engine.attempt import AttemptState
from batchgen.engine.retry import Decision, Fail, Retry, Stop, decide

SETTINGS = RetrySettings(max_attempts=3, deadline_s=100, backoff_base_s=2, backoff_max_s=10)
LONG_AGO = 99.0

REQUEST = ImageRequest(
    fingerprint="ab" * 16,
    row_id="a",
    row_number=0,
    line=2,
    request_number=0,
    num_images=2,
    provider="aimlapi",
    model="m",
    prompt="a fox",
    seed=None,
    seed_source=SeedSource.NONE,
    params={},
    price_usd=0.08,
)


@pytest.mark.parametrize(
    ("kind", "tries", "elapsed_s", "retry_after_s", "decision"),
    [
        # the row's own fault: no second try
        (ErrorKind.BAD_REQUEST, 1, 0, None, Fail()),
        (ErrorKind.SAFETY, 1, 0, None, Fail()),
        # the account's: nobody can succeed
        (ErrorKind.BAD_KEY, 1, 0, None, Stop()),
        (ErrorKind.NO_CREDITS, 3, LONG_AGO, None, Stop()),
        (ErrorKind.NOT_FOUND, 1, 0, 5, Stop()),
        # the rate's: never the row's fault, however often and late
        (ErrorKind.RATE_LIMITED, 1, 0, 30, Retry(30, counted=False)),
        (ErrorKind.BUSY, 1, 0, None, Retry(0.0, counted=False)),
        (ErrorKind.RATE_LIMITED, 1000, 1e9, None, Retry(0.0, counted=False)),
        # the moment's: waits grow, up to a bound, and end
        (ErrorKind.SERVER_ERROR, 1, 0, None, Retry(2.0)),
        (ErrorKind.SERVER_ERROR, 2, 0, None, Retry(4.0)),
        (ErrorKind.CONFLICT, 2, 0, None, Retry(4.0)),
        (ErrorKind.TIMEOUT, 1, 0, None, Retry(2.0)),
        (ErrorKind.DISCONNECTED, 2, 0, None, Retry(4.0)),
        (ErrorKind.SERVER_ERROR, 3, 0, None, Fail()),
        (ErrorKind.SERVER_ERROR, 1, LONG_AGO, None, Fail()),
        # what the service asks for is a lower bound of the wait, and counts against the deadline
        (ErrorKind.SERVER_ERROR, 1, 0, 50.0, Retry(50.0)),
        (ErrorKind.SERVER_ERROR, 2, 0, 1.0, Retry(4.0)),
        (ErrorKind.SERVER_ERROR, 1, 60.0, 50.0, Fail()),
        # nothing was sent: only time ends it, not the number of tries
        (ErrorKind.UNREACHABLE, 3, 0, None, Retry(8.0, counted=False)),
        (ErrorKind.UNREACHABLE, 3, LONG_AGO, None, Fail()),
        # the answer's: asked again as far as tries allow
        (ErrorKind.BAD_ANSWER, 2, 0, None, Retry(4.0)),
        (ErrorKind.BAD_IMAGE, 1, 0, None, Retry(2.0)),
        (ErrorKind.BAD_IMAGE, 3, 0, None, Fail()),
    ],
)
def test_each_failure_has_its_consequence(
    kind: ErrorKind, tries: int, elapsed_s: float, retry_after_s: float | None, decision: Decision
) -> None:
    error = ProviderError(kind, "so it went", retry_after_s=retry_after_s)
    assert decide(error, tries, elapsed_s, chance=1.0, settings=SETTINGS) == decision


@given(
    kind=st.sampled_from(ErrorKind),
    tries=st.integers(1, 1000),
    elapsed_s=st.floats(0, 1e9),
    chance=st.floats(0, 1, exclude_max=True),
    retry_after_s=st.none() | st.floats(0, 3600),
)
def test_no_request_is_tried_for_ever_and_no_wait_is_shorter_than_asked(
    kind: ErrorKind, tries: int, elapsed_s: float, chance: float, retry_after_s: float | None
) -> None:
    settings = RetrySettings(max_attempts=1000)
    decision = decide(ProviderError(kind, "", retry_after_s=retry_after_s), tries, elapsed_s, chance, settings)
    if not isinstance(decision, Retry):
        return
    if policy_of(kind).affects is Affects.RATE:
        assert not decision.counted
        assert decision.after_s == (retry_after_s or 0.0)
        return
    assert elapsed_s + decision.after_s <= settings.deadline_s
    assert (retry_after_s or 0.0) <= decision.after_s
    assert decision.after_s <= max(settings.backoff_max_s, retry_after_s or 0.0)
    assert tries < settings.max_attempts or not decision.counted


def test_waits_are_drawn_from_the_whole_range_so_that_workers_do_not_march_in_step() -> None:
    error = ProviderError(ErrorKind.SERVER_ERROR, "")
    assert [decide(error, 2, 0, chance, SETTINGS) for chance in (0.0, 0.5)] == [Retry(0.0), Retry(2.0)]


def test_an_attempt_has_an_id_of_its_own_in_characters_that_the_service_takes() -> None:
    attempt = AttemptState(REQUEST, "20260101T000000Z-00ff")
    ids = []
    for _ in range(3):
        attempt.begin_attempt()
        ids.append(attempt.client_request_id)
    assert len(set(ids)) == 3
    assert all(len(one) <= 128 and set(one) <= set("abcdefghijklmnopqrstuvwxyzTZ0123456789.-") for one in ids)


def test_what_an_attempt_may_have_cost_is_remembered() -> None:
    attempt = AttemptState(REQUEST, "run")
    attempt.begin_attempt()
    lost = attempt.client_request_id
    attempt.failed(ProviderError(ErrorKind.TIMEOUT, "silence"))
    attempt.begin_attempt()
    attempt.failed(ProviderError(ErrorKind.SERVER_ERROR, "no charge"))
    attempt.begin_attempt()
    attempt.failed(ProviderError(ErrorKind.BAD_ANSWER, "charged as the header says", cost_usd=0.05))
    attempt.begin_attempt()
    attempt.failed(ProviderError(ErrorKind.BAD_IMAGE, "charged, the price is the catalog's"))
    attempts = attempt.summary()
    assert attempts.in_doubt_ids == (lost,)
    charged, priced = (f"run.{REQUEST.fingerprint[:16]}.{attempt}" for attempt in (3, 4))
    assert attempts.wasted == (Charge(charged, 0.05, CostSource.HEADER), Charge(priced, 0.08, CostSource.PRICE))
    assert attempts.count == 4
    assert attempts.finished_at >= attempts.sent_at
    assert attempts.latency_s >= 0


def test_a_wait_for_the_pace_uses_up_no_try() -> None:
    attempt = AttemptState(REQUEST, "run")
    for _ in range(5):
        attempt.begin_attempt()
    attempt.count()
    attempt.begin_attempt()
    assert (attempt.attempts, attempt.tries) == (6, 1)


def test_waits_for_the_pace_and_for_the_network_use_up_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("batchgen.engine.attempt.monotonic", lambda: now)
    attempt = AttemptState(REQUEST, "run")
    now += 3600  # waits for its first permit
    attempt.begin_attempt()
    now += 5
    assert attempt.elapsed_s == 5
    now += 10  # this try counts, and so does the wait after it
    attempt.count()
    now += 3600  # waits for a permit again
    attempt.begin_attempt()
    now += 7200  # the network is away: this attempt counts for nothing
    attempt.begin_attempt()
    now += 1
    assert attempt.elapsed_s == 16
