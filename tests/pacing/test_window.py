"""Windows are exact, and rates are spread."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.pacing.rate import Rate
from batchgen.pacing.window import SlidingWindow


def test_what_is_on_its_way_counts_until_a_window_after_its_arrival() -> None:
    window = SlidingWindow(60.0)
    window.leave(1)
    assert window.free_at(1000.0, 1, 1) == math.inf
    window.arrived(1000.0, 1)
    assert 1060.0 < window.free_at(1001.0, 1, 1) < 1060.1
    assert window.count(1060.0) == 1
    assert window.count(1061.0) == 0


def test_a_large_amount_waits_for_as_many_small_ones_as_it_needs() -> None:
    window = SlidingWindow(60.0)
    for second in range(4):
        window.leave(1)
        window.arrived(float(second), 1)
    assert window.free_at(4.0, 1, 5) == 4.0
    assert 61.0 < window.free_at(4.0, 3, 5) < 61.1


def test_a_rate_below_one_a_window_stretches_the_window() -> None:
    rate = Rate(per_minute=0.5, window_s=60.0)
    assert rate.limit == 1
    assert rate.window_s == 120.0


def test_a_product_that_falls_short_of_a_whole_number_loses_nothing() -> None:
    assert Rate(per_minute=0.7 * 60, window_s=10.0).limit == 7


def test_requests_leave_spaced_and_make_up_for_a_late_timer() -> None:
    rate = Rate(per_minute=600, window_s=60.0)
    rate.leave(1000.0, 1, 600)
    next_at = rate.free_at(1000.0, 1, 600)
    assert next_at == pytest.approx(1000.08, abs=0.03)
    rate.leave(next_at + 0.01, 1, 600)
    assert rate.free_at(next_at + 0.01, 1, 600) == pytest.approx(next_at + 0.1)


# Amount, seconds until it is known to have arrived, and which part of that passed before it arrived.
ways = st.tuples(st.integers(1, 4), st.floats(0.0, 30.0), st.floats(0.0, 1.0))


@given(limit=st.integers(4, 12), window_s=st.sampled_from([2.0, 10.0, 60.0]), journeys=st.lists(ways, max_size=60))
def test_no_window_of_arrivals_ever_exceeds_the_limit(limit, window_s, journeys) -> None:
    rate = Rate(per_minute=limit * 60 / window_s, window_s=window_s)
    now = 1000.0
    arrivals: list[tuple[float, int]] = []
    known: list[tuple[float, int]] = []  # when an arrival becomes known, not yet reported
    for amount, way_s, part in journeys:
        while (free_at := rate.free_at(now, amount, limit)) > now:
            known.sort()
            if known and known[0][0] <= free_at:
                at, arrived = known.pop(0)
                now = max(now, at)
                rate.arrived(now, arrived)
            else:
                now = free_at
        rate.leave(now, amount, limit)
        arrivals.append((now + way_s * part, amount))
        known.append((now + way_s, amount))
    for start, _ in arrivals:
        assert sum(amount for at, amount in arrivals if start <= at <= start + window_s) <= limit
