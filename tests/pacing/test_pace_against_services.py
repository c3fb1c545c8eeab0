"""The promises of pacing, against services with limits of their own: minutes of loop time, jitter on every way."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from support.hidden_limits import HiddenLimits, most_in_any, watch

from batchgen.config.settings import RateSettings

TEN_A_SECOND = RateSettings(requests_per_minute=600, concurrency=64)


@pytest.mark.parametrize("seed", range(3))
def test_a_limit_is_used_up_and_never_exceeded_in_any_window(in_virtual_time, seed) -> None:
    service = HiddenLimits(in_window=600, seed=seed)
    watched = in_virtual_time(watch(service, TEN_A_SECOND, seconds=120))
    assert most_in_any(60.0, service.arrivals) <= 600
    assert service.refused == []
    assert watched.taken(0, 120) >= 0.985 * 1200


@pytest.mark.parametrize("reports_sent", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_thirty_in_two_seconds_are_never_thirty_one(in_virtual_time, seed, reports_sent) -> None:
    service = HiddenLimits(seed=seed)
    limits = RateSettings(requests_per_minute=900, window_s=2.0, concurrency=64)
    in_virtual_time(watch(service, limits, seconds=60, reports_sent=reports_sent))
    assert len(service.arrivals) > 300
    assert most_in_any(2.0, service.arrivals) <= 30


@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_a_hidden_limit_is_found_in_a_minute_and_kept_with_few_refusals(in_virtual_time, seed, says_when) -> None:
    service = HiddenLimits(in_window=360, says_when=says_when, seed=seed)
    watched = in_virtual_time(watch(service, TEN_A_SECOND, seconds=900))
    assert watched.taken(60, 180) >= 0.95 * 360 * 2
    assert watched.taken(60, 900) >= 0.95 * 360 * 14
    assert watched.refused_share(60, 900) < 0.01


def test_a_small_hidden_limit_is_probed_rarely(in_virtual_time) -> None:
    service = HiddenLimits(in_window=12)
    watched = in_virtual_time(watch(service, RateSettings(), seconds=7200))
    assert watched.taken(60, 7200) >= 0.95 * 12 * 119
    assert watched.refused_share(60, 7200) < 0.01


def test_a_hidden_limit_is_found_where_every_slot_is_always_taken(in_virtual_time) -> None:
    service = HiddenLimits(in_window=360)
    limits = RateSettings(requests_per_minute=600, concurrency=12)
    watched = in_virtual_time(watch(service, limits, seconds=600))
    assert watched.taken(60, 600) >= 0.95 * 360 * 9
    assert watched.refused_share(60, 600) < 0.01


def test_a_limit_that_rises_again_is_found_within_a_few_minutes(in_virtual_time) -> None:
    service = HiddenLimits(in_window=360)
    rise = {300.0: lambda: setattr(service, "in_window", math.inf)}
    watched = in_virtual_time(watch(service, TEN_A_SECOND, seconds=660, then=rise))
    assert watched.end.limit_per_minute == 600
    assert watched.taken(600, 660) >= 0.95 * 600


def test_a_limit_that_falls_far_is_followed(in_virtual_time) -> None:
    service = HiddenLimits(in_window=360)
    fall = {300.0: lambda: setattr(service, "in_window", 60)}
    watched = in_virtual_time(watch(service, TEN_A_SECOND, seconds=1500, then=fall))
    assert watched.taken(900, 1500) >= 0.95 * 60 * 10
    assert watched.refused_share(900, 1500) < 0.02


def test_a_limit_counted_over_another_time_is_found_as_a_rate(in_virtual_time) -> None:
    service = HiddenLimits(in_window=60, window_s=10.0)
    watched = in_virtual_time(watch(service, TEN_A_SECOND, seconds=900))
    assert watched.taken(300, 900) >= 0.9 * 360 * 10
    assert watched.refused_share(60, 900) < 0.01


def test_a_hidden_limit_of_requests_at_once_is_found_too(in_virtual_time) -> None:
    service = HiddenLimits(at_once=4, handshake_s=0.1)
    limits = RateSettings(requests_per_minute=600, concurrency=16)
    watched = in_virtual_time(watch(service, limits, seconds=900))
    assert watched.end.in_flight_limit < 16
    # Four at once, each for a second and for its way there and back, are at best about 200 a minute.
    assert watched.taken(60, 900) >= 0.6 * 200 * 14
    assert watched.refused_share(60, 900) < 0.01


def test_a_limit_of_requests_at_once_that_rises_is_found_again(in_virtual_time) -> None:
    service = HiddenLimits(at_once=4, handshake_s=0.1)
    limits = RateSettings(requests_per_minute=600, concurrency=16)
    rise = {300.0: lambda: setattr(service, "at_once", math.inf)}
    watched = in_virtual_time(watch(service, limits, seconds=900, then=rise))
    assert watched.end.in_flight_limit == 16
    assert watched.taken(840, 900) >= 0.95 * 600


@pytest.mark.parametrize("says_when", [True, False])
def test_a_storm_of_refusals_is_waited_out_and_costs_no_rate(in_virtual_time, says_when) -> None:
    service = HiddenLimits(says_when=says_when)
    storm = {120.0: lambda: setattr(service, "down", True), 420.0: lambda: setattr(service, "down", False)}
    watched = in_virtual_time(watch(service, TEN_A_SECOND, seconds=660, then=storm))
    assert watched.refused(180, 420) < 60  # in four minutes, in which 2,400 could have left
    assert watched.taken(480, 660) >= 0.9 * 600 * 3


def test_without_adaptation_the_limit_stays_and_only_the_pause_holds(in_virtual_time) -> None:
    service = HiddenLimits(in_window=360)
    limits = RateSettings(requests_per_minute=600, concurrency=64, adaptive=False)
    watched = in_virtual_time(watch(service, limits, seconds=180))
    assert watched.end.limit_per_minute == 600
    assert watched.refused(60, 180) > 0


TWENTY_A_SECOND = RateSettings(requests_per_minute=1200, concurrency=64)


@pytest.mark.parametrize(
    ("by_chance", "asks_s", "used"),
    [(0.01, 1.0, 0.9), (0.02, None, 0.9), (0.02, 5.0, 0.9), (0.05, None, 0.8), (0.05, 1.0, 0.8)],
)
@pytest.mark.parametrize("seed", range(3))
def test_refusals_by_chance_cost_hardly_more_than_themselves(in_virtual_time, seed, by_chance, asks_s, used) -> None:
    service = HiddenLimits(by_chance=by_chance, asks_s=asks_s, seed=seed)
    watched = in_virtual_time(watch(service, TWENTY_A_SECOND, seconds=900))
    assert watched.taken(0, 900) >= used * 1200 * 15
    assert most_in_any(60.0, service.arrivals) <= 1200


def test_one_refusal_stops_nobody_else_however_long_it_asks_to_wait(in_virtual_time) -> None:
    service = HiddenLimits(asks_s=3000.0)
    now_and_again: dict[float, Callable[[], None]] = {}
    for minute in range(1, 10):
        now_and_again[60.0 * minute] = lambda: setattr(service, "by_chance", 1.0)
        now_and_again[60.0 * minute + 0.049] = lambda: setattr(service, "by_chance", 0.0)
    watched = in_virtual_time(watch(service, TWENTY_A_SECOND, seconds=600, then=now_and_again))
    assert service.refused
    assert watched.end.cooldown_s == 0
    assert watched.taken(0, 600) >= 0.97 * 1200 * 10


def test_a_hidden_limit_is_found_among_refusals_by_chance(in_virtual_time) -> None:
    service = HiddenLimits(in_window=300, by_chance=0.02, asks_s=1.0)
    watched = in_virtual_time(watch(service, TWENTY_A_SECOND, seconds=900))
    assert watched.taken(60, 900) >= 0.95 * 300 * 14
    assert watched.refused_share(60, 900) < 0.02 + 0.03


def test_a_limit_that_falls_and_rises_is_followed_both_ways_in_minutes(in_virtual_time) -> None:
    service = HiddenLimits(by_chance=0.02, asks_s=1.0)
    hours = {
        3600.0: lambda: setattr(service, "in_window", 400),
        7200.0: lambda: setattr(service, "in_window", math.inf),
    }
    watched = in_virtual_time(watch(service, TWENTY_A_SECOND, seconds=9000, then=hours))
    assert watched.taken(1800, 3600) >= 0.9 * 1200 * 30
    assert watched.taken(4200, 7200) >= 0.95 * 400 * 50
    assert watched.refused_share(4200, 7200) < 0.02 + 0.03
    assert watched.taken(7800, 9000) >= 0.9 * 1200 * 20


def test_a_limit_of_requests_at_once_is_used_to_nine_tenths(in_virtual_time) -> None:
    service = HiddenLimits(at_once=8, handshake_s=0.0, way_s=(0.001, 0.003))
    watched = in_virtual_time(watch(service, TWENTY_A_SECOND, seconds=900))
    # Eight at once, each for a second, are 480 a minute.
    assert watched.taken(60, 900) >= 0.9 * 480 * 14
    assert watched.refused_share(60, 900) < 0.01
