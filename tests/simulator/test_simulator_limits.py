"""Limits as a service keeps them: exact in every window, changeable while it runs."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulator_client import Client

from batchgen.simulator import Fault, RetryAfter, Simulator, SimulatorSettings
from batchgen.simulator.service import RateLimit

WINDOW_S = 60.0


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(1, 8))
@settings(max_examples=100)
def test_no_span_of_the_window_holds_more_than_the_limit(gaps_s: list[int], limit: int) -> None:
    window = RateLimit()
    now_s, accepted = 0, []
    for gap_s in gaps_s:
        now_s += gap_s
        if window.admit(now_s, limit, WINDOW_S) == 0:
            accepted.append(now_s)
        else:
            assert sum(now_s - WINDOW_S < moment <= now_s for moment in accepted) == limit
    for end in accepted:
        assert sum(end - WINDOW_S < moment <= end for moment in accepted) <= limit


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(1, 5))
@settings(max_examples=100)
def test_a_client_that_waits_as_told_is_accepted_and_no_earlier(gaps_s: list[int], limit: int) -> None:
    window = RateLimit()
    now_s = 0.0
    for gap_s in gaps_s:
        now_s += gap_s
        wait_s = window.admit(now_s, limit, WINDOW_S)
        if wait_s > 0:
            assert window.admit(now_s + wait_s - 0.5, limit, WINDOW_S) > 0
            now_s += wait_s
            assert window.admit(now_s, limit, WINDOW_S) == 0


def test_a_lowered_limit_counts_what_was_accepted_before() -> None:
    window = RateLimit()
    assert [window.admit(second, 4, WINDOW_S) for second in range(4)] == [0, 0, 0, 0]
    assert window.admit(10, 2, WINDOW_S) == 52  # when the second latest, of second 2, has left
    assert window.admit(10, 0, WINDOW_S) > 0


async def test_requests_over_the_limit_get_429_with_the_seconds_to_wait(client: Client) -> None:
    async with Simulator(SimulatorSettings(requests_per_window=2, window_s=100)) as simulator:
        replies = [await client.generate(simulator) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert 90 <= int(replies[2].headers["Retry-After"]) <= 100
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["ok", "ok", "rate_limited"]
    assert len(simulator.bill.charges) == 2


async def test_retry_after_can_be_a_date_or_missing(client: Client) -> None:
    async with Simulator(SimulatorSettings(requests_per_window=0, retry_after=RetryAfter.HTTP_DATE)) as simulator:
        dated = await client.generate(simulator)
        simulator.change(retry_after=RetryAfter.NONE)
        silent = await client.generate(simulator)
    wait = parsedate_to_datetime(dated.headers["Retry-After"]) - parsedate_to_datetime(dated.headers["Date"])
    assert 60 <= wait.total_seconds() <= 63
    assert silent.status == 429
    assert "Retry-After" not in silent.headers


async def test_a_limit_can_be_hidden_lowered_and_lifted_while_running(client: Client) -> None:
    async with Simulator() as simulator:
        assert (await client.generate(simulator)).status == 200
        simulator.change(requests_per_window=1)
        assert (await client.generate(simulator)).status == 200  # counting began with the limit
        assert (await client.generate(simulator)).status == 429
        simulator.change(requests_per_window=None)
        assert (await client.generate(simulator)).status == 200


async def test_more_at_once_than_allowed_get_429_until_a_place_is_free(client: Client) -> None:
    holding_both_places = SimulatorSettings(max_concurrent=2, faults=(Fault.parse("stall@1-2"),))
    async with Simulator(holding_both_places) as simulator:
        holders = [asyncio.create_task(client.generate(simulator)) for _ in range(2)]
        await client.until(lambda: len(simulator.bill.charges) == 2)
        refused = [await client.generate(simulator) for _ in range(3)]
        holders[0].cancel()
        while (served := await client.generate(simulator)).status == 429:
            pass
    await asyncio.gather(*holders, return_exceptions=True)
    assert [reply.status for reply in refused] == [429, 429, 429]
    assert all(reply.headers["Retry-After"] for reply in refused)
    assert served.status == 200
