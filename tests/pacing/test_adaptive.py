"""How a hidden limit is measured, and which of the two a refusal speaks of."""

from __future__ import annotations

from batchgen.pacing.adaptive import AdaptiveLimit, AdaptiveLimits, Load


def accept_at_limit(limit: AdaptiveLimit, requests: int) -> None:
    for _ in range(requests):
        limit.accept(limit.value)


def test_what_was_carried_until_a_refusal_is_the_limit() -> None:
    limit = AdaptiveLimit(600)
    limit.cut(361)
    assert 0.98 * 360 <= limit.value < 360


def test_a_small_limit_is_taken_as_it_is() -> None:
    limit = AdaptiveLimit(20)
    limit.cut(13)
    assert limit.value == 12


def test_one_refusal_never_takes_more_than_half() -> None:
    limit = AdaptiveLimit(600)
    limit.cut(1)
    assert limit.value >= 0.98 * 300


def test_a_limit_never_sinks_below_one() -> None:
    limit = AdaptiveLimit(3)
    for _ in range(10):
        limit.cut(1)
    assert limit.value == 1


def test_a_limit_grows_hardly_at_first_then_ever_faster_up_to_what_is_configured() -> None:
    limit = AdaptiveLimit(600)
    limit.cut(361)
    accept_at_limit(limit, 360)
    after_one = limit.value
    accept_at_limit(limit, 720)
    after_three = limit.value
    accept_at_limit(limit, 1080)
    assert after_one <= 361
    assert 440 < after_three < 460
    assert limit.value == 600


def test_a_limit_that_is_not_in_use_does_not_grow() -> None:
    limit = AdaptiveLimit(600)
    limit.cut(361)
    for _ in range(5000):
        limit.accept(100)
    assert limit.value < 360


def test_a_small_limit_is_tried_at_most_once_in_a_hundred_requests() -> None:
    limit = AdaptiveLimit(20)
    limit.cut(13)
    accept_at_limit(limit, 100)
    assert limit.value == 12


def test_a_fuller_window_than_ever_speaks_of_the_rate() -> None:
    limits = AdaptiveLimits(600, 64)
    for count in range(1, 361):
        limits.accept(Load(count, min(count, 10), burst=0))
    limits.refuse(Load(361, 9, burst=0))
    assert limits.requests.value < 360
    assert limits.in_flight.value == 64


def test_more_at_once_than_ever_speaks_of_the_number_at_once() -> None:
    limits = AdaptiveLimits(600, 8)
    for count in range(1, 100):
        limits.accept(Load(count, min(count, 4), burst=0))
    limits.refuse(Load(100, 5, burst=0))
    assert limits.in_flight.value == 4
    assert limits.requests.value == 600


def test_a_refusal_far_below_what_the_window_carried_speaks_of_the_number_at_once() -> None:
    limits = AdaptiveLimits(600, 8)
    for _ in range(500):
        limits.accept(Load(500, 8, burst=0))
    limits.refuse(Load(100, 8, burst=0))
    assert limits.in_flight.value == 7
    assert limits.requests.value == 600


def test_a_second_refusal_at_the_same_window_speaks_of_the_rate_after_all() -> None:
    limits = AdaptiveLimits(600, 8)
    for _ in range(500):
        limits.accept(Load(500, 8, burst=0))
    limits.refuse(Load(100, 8, burst=0))
    limits.accept(Load(50, 7, burst=1))
    limits.refuse(Load(100, 7, burst=1))
    assert limits.requests.value < 600


def test_a_request_that_was_alone_was_not_too_many_at_once() -> None:
    limits = AdaptiveLimits(600, 8)
    limits.accept(Load(1, 1, burst=0))
    limits.refuse(Load(2, 1, burst=0))
    assert limits.in_flight.value == 8
    assert limits.requests.value == 300 * 0.99


def test_a_service_that_refuses_everything_teaches_nothing() -> None:
    limits = AdaptiveLimits(600, 8)
    for burst in range(10):
        limits.refuse(Load(1, 1, burst=burst))
    limits.accept(Load(1, 1, burst=10))
    assert (limits.requests.value, limits.in_flight.value) == (600, 8)


def test_a_refusal_counts_once_something_beside_it_is_accepted() -> None:
    limits = AdaptiveLimits(600, 8)
    limits.refuse(Load(5, 5, burst=0))
    assert limits.in_flight.value == 8
    limits.accept(Load(1, 1, burst=0))
    assert limits.in_flight.value == 4
