"""What is spent, in flight and in doubt never adds up to more than the budget."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.pacing import BudgetReached, Cap, CostUnknown
from batchgen.pacing.budget import Budget, BudgetShare, Reservation


def budget_of(max_usd: float | None) -> BudgetShare:
    """A budget that one account spends alone."""
    return (Budget() if max_usd is None else Budget(Cap(max_usd))).share(lambda: None)


def proven(max_usd: float, image_usd: float) -> BudgetShare:
    """A budget after its first answer."""
    budget = budget_of(max_usd)
    budget.charge(budget.reserve(1, image_usd), 1, image_usd)
    return budget


def test_without_a_budget_everything_may_be_spent() -> None:
    budget = budget_of(None)
    assert budget.has_room(4, None)
    budget.charge(budget.reserve(4, None), 4, 1000.0)
    assert budget.has_room(4, None)
    assert budget.spent_usd == 1000.0


def test_ten_images_of_four_cents_fit_into_forty_cents_and_an_eleventh_does_not() -> None:
    budget = budget_of(0.40)
    for _ in range(10):
        assert budget.has_room(1, 0.04)
        budget.charge(budget.reserve(1, 0.04), 1, 0.04)
    with pytest.raises(BudgetReached, match=r"\$0.40 for this run is reached.*repeat the command: each.*--max-cost"):
        budget.has_room(1, 0.04)


def test_until_an_answer_proves_the_price_requests_go_one_by_one() -> None:
    budget = budget_of(10.0)
    assert budget.has_room(1, 0.04)
    first = budget.reserve(1, 0.04)
    assert not budget.has_room(1, 0.04)
    budget.charge(first, 1, 0.04)
    budget.reserve(1, 0.04)
    assert budget.has_room(1, 0.04)


def test_a_request_waits_while_something_in_flight_may_make_room() -> None:
    budget = proven(0.10, 0.04)
    in_flight = budget.reserve(1, 0.04)
    assert not budget.has_room(1, 0.04)
    budget.release(in_flight)
    assert budget.has_room(1, 0.04)


def test_an_answer_without_images_teaches_the_price_of_what_was_asked_for() -> None:
    budget = budget_of(0.50)
    budget.charge(budget.reserve(4, 0.16), 0, 0.16)
    assert budget.has_room(4, 0.16)
    budget.charge(budget.reserve(4, 0.16), 4, 0.16)
    assert budget.spent_usd == pytest.approx(0.32)
    assert budget.has_room(4, 0.16), "4 images cost 16 cents, not 64"


def test_what_is_in_doubt_counts_as_spent() -> None:
    budget = proven(0.10, 0.04)
    budget.charge_in_doubt(budget.reserve(1, 0.04))
    assert budget.spent_usd == pytest.approx(0.08)
    with pytest.raises(BudgetReached):
        budget.has_room(1, 0.04)


def test_a_cost_above_the_price_raises_what_is_in_flight_and_what_comes() -> None:
    budget = proven(10.0, 0.04)
    first = budget.reserve(1, 0.04)
    budget.reserve(4, 0.16)
    budget.charge(first, 1, 0.10)
    assert budget.reserved_usd == pytest.approx(0.40)
    assert budget.reserve(2, 0.08).usd == pytest.approx(0.20)


def test_the_price_of_an_image_is_learned_from_the_images_that_came() -> None:
    budget = budget_of(10.0)
    budget.charge(budget.reserve(4, None), 1, 0.04)
    assert budget.reserve(4, None).usd == pytest.approx(0.16)


def test_an_answer_without_images_and_cost_proves_no_price() -> None:
    budget = budget_of(10.0)
    budget.charge(budget.reserve(1, None), 0, 0.0)
    budget.reserve(1, None)
    assert not budget.has_room(1, None)


def test_an_answer_that_names_no_cost_is_booked_at_the_price() -> None:
    budget = budget_of(10.0)
    budget.charge(budget.reserve(2, 0.08), 2, None)
    assert budget.spent_usd == pytest.approx(0.08)
    budget.reserve(2, 0.08)
    assert budget.has_room(2, 0.08)


def test_images_that_nobody_asked_for_count_where_an_answer_names_no_cost() -> None:
    budget = budget_of(0.40)
    budget.charge(budget.reserve(1, 0.04), 4, None)
    assert budget.spent_usd == pytest.approx(0.16)
    budget.charge(budget.reserve(4, 0.16), 1, None)
    assert budget.spent_usd == pytest.approx(0.32)


@pytest.mark.parametrize("cost_usd", [0.16, None])
def test_who_gave_more_than_was_asked_for_is_expected_to_do_so_again(cost_usd: float | None) -> None:
    budget = budget_of(0.40)
    budget.charge(budget.reserve(1, 0.04), 4, cost_usd)
    in_flight = budget.reserve(1, 0.04)
    assert in_flight.usd == pytest.approx(0.16)
    assert not budget.has_room(1, 0.04)
    budget.charge(in_flight, 4, cost_usd)
    assert budget.spent_usd == pytest.approx(0.32)
    with pytest.raises(BudgetReached):
        budget.has_room(1, 0.04)


def test_no_budget_can_be_kept_where_nobody_says_what_an_image_costs() -> None:
    budget = budget_of(10.0)
    budget.charge(budget.reserve(1, None), 1, None)
    with pytest.raises(CostUnknown, match="Add a price"):
        budget.has_room(1, None)


def test_a_budget_of_nothing_buys_nothing() -> None:
    with pytest.raises(BudgetReached):
        budget_of(0.0).has_room(1, None)
    with pytest.raises(BudgetReached):
        budget_of(0.0).has_room(1, 0.04)


def test_a_budget_of_nothing_allows_what_is_free() -> None:
    assert budget_of(0.0).has_room(1, 0.0)


outcomes = st.sampled_from(["charge", "charge", "release", "in_doubt"])


@settings(max_examples=60)
@given(
    max_usd=st.floats(0.05, 3.0),
    catalog_usd=st.one_of(st.none(), st.floats(0.001, 0.1)),
    real_usd=st.floats(0.001, 0.1),
    steps=st.lists(st.tuples(st.integers(1, 4), outcomes), max_size=200),
)
def test_whatever_happens_the_bill_stays_within_the_budget(max_usd, catalog_usd, real_usd, steps) -> None:
    """64 at once. Until an answer proves what an image costs, calls may cost more than the price they left with."""
    budget = budget_of(max_usd)
    bill = 0.0
    unproven_usd = 0.0
    proven = False
    in_flight: list[tuple[Reservation, int]] = []
    for images, outcome in steps:
        price = None if catalog_usd is None else catalog_usd * images
        try:
            room = len(in_flight) < 64 and budget.has_room(images, price)
        except (BudgetReached, CostUnknown):
            room = False
        if room:
            in_flight.append((budget.reserve(images, price), images))
            continue
        if not in_flight:
            break
        reservation, asked = in_flight.pop(0)
        if outcome == "release":
            budget.release(reservation)
            continue
        bill += real_usd * asked
        if not proven:
            unproven_usd = bill
        proven = proven or outcome == "charge"
        if outcome == "in_doubt":
            budget.charge_in_doubt(reservation)
        else:
            budget.charge(reservation, asked, real_usd * asked)
    assert bill <= max(max_usd, unproven_usd) + 1e-6


def test_an_attempt_in_doubt_counts_at_the_price_that_a_later_answer_proves() -> None:
    budget = budget_of(1.0)
    budget.charge_in_doubt(budget.reserve(2, 0.06))
    assert budget.spent_usd == pytest.approx(0.06)
    budget.charge(budget.reserve(1, 0.03), 1, 0.1)
    assert budget.spent_usd == pytest.approx(0.1 + 2 * 0.1)


def test_two_accounts_spend_from_one_budget_and_know_prices_of_their_own() -> None:
    budget = Budget(Cap(1.00))
    told: list[str] = []
    cheap, dear = budget.share(lambda: told.append("cheap")), budget.share(lambda: told.append("dear"))
    dear.charge(dear.reserve(1, 0.30), 1, 0.40)
    assert told == ["cheap", "dear"], "both may have room, or none, from now on"
    cheap.charge(cheap.reserve(1, 0.05), 1, 0.05)
    assert budget.spent_usd == pytest.approx(0.45)
    open_request = dear.reserve(1, 0.30)
    assert budget.reserved_usd == pytest.approx(0.40), "an image of this account has cost more than its price says"
    assert cheap.has_room(1, 0.05), "what the other account paid for an image says nothing of this one"
    assert not cheap.has_room(4, 0.20), "what is in flight at the other account counts in full"
    with pytest.raises(BudgetReached):
        dear.has_room(2, 0.60)
    dear.release(open_request)
    assert cheap.has_room(4, 0.20)


@given(
    requests=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(["charge", "doubt", "release"]))),
    max_usd=st.floats(0.01, 5.0),
)
def test_no_order_of_requests_at_three_accounts_exceeds_the_budget(requests, max_usd) -> None:
    budget = Budget(Cap(max_usd))
    prices = (0.01, 0.04, 0.25)
    shares = [budget.share(lambda: None) for _ in prices]
    for account, images, outcome in requests:
        share, price_usd = shares[account], prices[account] * images
        try:
            if not share.has_room(images, price_usd):
                continue
        except BudgetReached:
            continue
        reservation = share.reserve(images, price_usd)
        if outcome == "charge":
            share.charge(reservation, images, price_usd)
        elif outcome == "doubt":
            share.charge_in_doubt(reservation)
        else:
            share.release(reservation)
        assert budget.spent_usd + budget.reserved_usd <= max_usd + 1e-6


def calls_of(function: Callable[[], object]) -> int:
    """How many calls of Python functions, and steps of generators, a call takes."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


def test_a_thousand_attempts_in_doubt_are_as_quick_to_count_as_ten() -> None:
    budget = proven(1_000.0, 0.04)
    calls = []
    for doubts in (10, 990):
        for number in range(doubts):
            images = 1 + number % 4
            budget.charge_in_doubt(budget.reserve(images, 0.04 * images))
        calls.append(calls_of(lambda: budget.has_room(1, 0.04)))
    assert calls[0] == calls[1]
    sums = [1 + number % 4 for doubts in (10, 990) for number in range(doubts)]
    assert budget.spent_usd == pytest.approx(0.04 * (1 + sum(sums)))


def test_a_higher_price_raises_each_attempt_in_doubt() -> None:
    budget = proven(1_000.0, 0.04)
    for images in (1, 4, 4):
        budget.charge_in_doubt(budget.reserve(images, 0.04 * images))
    budget.charge(budget.reserve(1, 0.04), 1, 0.10)
    assert budget.spent_usd == pytest.approx(0.04 + 0.10 * (1 + 9))
