"""How a hidden limit is measured, and which of the two a refusal speaks of."""

from __future__ import annotations

from batchgen.pacing.adaptive import LARGEST_CUT_OF_WINDOW, AdaptiveLimit, AdaptiveLimits, Load


def window_of(ceiling: int) -> AdaptiveLimit:
    return AdaptiveLimit(ceiling, LARGEST_CUT_OF_WINDOW)


def load(in_window: int, in_flight: int, burst: int = 0) -> Load:
    return Load(in_window, in_flight, burst, is_first=False)


def accept_at_limit(limit: AdaptiveLimit, requests: int) -> None:
    for _ in range(requests):
        limit.accept(limit.value, 1.0)


def test_what_was_carried_until_a_refusal_is_the_limit() -> None:
    limit = window_of(600)
    limit.cut(361)
    assert 0.98 * 360 <= limit.value < 360


def test_a_small_limit_is_taken_as_it_is() -> None:
    limit = window_of(20)
    limit.cut(13)
    assert limit.value == 12


def test_one_refusal_never_takes_more_than_half() -> None:
    limit = window_of(600)
    limit.cut(1)
    assert limit.value >= 0.98 * 300


def test_a_limit_never_sinks_below_one() -> None:
    limit = window_of(3)
    for _ in range(10):
        limit.cut(1)
    assert limit.value == 1


def test_a_limit_grows_hardly_at_first_then_ever_faster_up_to_what_is_configured() -> None:
    limit = window_of(600)
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
    limit = window_of(600)
    limit.cut(361)
    for _ in range(5000):
        limit.accept(100, 1.0)
    assert limit.value < 360


def test_a_limit_grows_faster_where_chance_disturbs_it() -> None:
    slow, fast = window_of(600), window_of(600)
    for limit, haste in ((slow, 1.0), (fast, 3.0)):
        limit.cut(361)
        for _ in range(360):
            limit.accept(limit.value, haste)
    assert fast.value > 1.2 * slow.value


def test_a_small_limit_is_tried_at_most_once_in_a_hundred_requests() -> None:
    limit = window_of(20)
    limit.cut(13)
    accept_at_limit(limit, 100)
    assert limit.value == 12


def test_a_fuller_window_than_usual_speaks_of_the_rate() -> None:
    limits = AdaptiveLimits(600, 64)
    for count in range(1, 361):
        limits.accept(load(count, min(count, 10)), 0.0)
    limits.refuse(load(361, 9))
    assert limits.requests.value < 360
    assert limits.in_flight.value == 64


def test_more_at_once_than_usual_speaks_of_the_number_at_once() -> None:
    limits = AdaptiveLimits(600, 64)
    for count in range(1, 100):
        limits.accept(load(count, min(count, 4)), 0.0)
    limits.refuse(load(99, 5))
    assert limits.in_flight.value == 4
    assert limits.requests.value == 600


def test_where_every_slot_is_always_taken_a_refusal_speaks_of_the_window() -> None:
    limits = AdaptiveLimits(600, 8)
    for count in range(1, 361):
        limits.accept(load(count, 8), 0.0)
    limits.refuse(load(361, 8))
    assert limits.in_flight.value == 8
    assert limits.requests.value < 360


def test_what_is_carried_all_the_time_is_no_limit_at_once() -> None:
    limits = AdaptiveLimits(600, 64)
    for _ in range(200):
        limits.accept(load(300, 20), 0.0)
    limits.refuse(load(280, 20))
    assert limits.in_flight.value >= 20


def test_a_request_that_was_alone_was_not_too_many_at_once() -> None:
    limits = AdaptiveLimits(600, 8)
    limits.accept(load(1, 1), 0.0)
    limits.refuse(load(2, 1))
    assert limits.in_flight.value == 8
    assert limits.requests.value == 300 * 0.99


def test_a_service_that_refuses_everything_teaches_nothing() -> None:
    limits = AdaptiveLimits(600, 8)
    for burst in range(10):
        limits.refuse(load(1, 1, burst))
    limits.accept(load(1, 1, 10), 0.0)
    assert (limits.requests.value, limits.in_flight.value) == (600, 8)


def test_a_refusal_counts_once_something_beside_it_is_accepted() -> None:
    limits = AdaptiveLimits(600, 8)
    limits.refuse(load(5, 5))
    assert limits.in_flight.value == 8
    limits.accept(load(1, 1), 0.0)
    assert limits.in_flight.value == 4
