"""P3: no limit is exceeded, as the service itself counts: rates, requests at once, and money."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from batchgen.engine.stop import StopKind
from batchgen.simulator import Fault

if TYPE_CHECKING:
    from conftest import Batch

WINDOW_S = 2.0
LIMIT = 30
RATE = {"limits.window_s": WINDOW_S, "limits.requests_per_minute": LIMIT * 60 / WINDOW_S, "limits.concurrency": 64}


def rows(count: int, **cells: object) -> list[dict[str, object]]:
    return [{"id": f"r{number:04}", "prompt": f"fox {number}"} | cells for number in range(count)]


def most_in_a_window(arrivals: Iterable[tuple[float, int]]) -> int:
    """The most that arrived in any window; each arrival is a time in seconds and an amount."""
    times, amounts = zip(*sorted(arrivals), strict=True)
    before: list[int] = [0, *accumulate(amounts)]
    return max(before[bisect_left(times, begin + WINDOW_S)] - before[first] for first, begin in enumerate(times))


async def test_no_window_of_two_seconds_sees_more_than_thirty_arrivals(batch: Batch) -> None:
    batch.simulator.change(latency_s=(0.0, 0.5), faults=(Fault.parse("server_error=0.2"),))
    await batch.run(rows(40), settings=RATE)
    # the same command again, at once: the service still counts what the first run sent
    await batch.run(rows(75), settings=RATE)
    arrivals = [(arrival.at_s, 1) for arrival in batch.simulator.bill.arrivals]
    assert len(arrivals) > 2 * LIMIT
    assert most_in_a_window(arrivals) <= LIMIT


async def test_no_window_of_two_seconds_sees_more_than_thirty_images(batch: Batch) -> None:
    by_images = {"limits.window_s": WINDOW_S, "limits.images_per_minute": LIMIT * 60 / WINDOW_S}
    manifest = [row | {"num_images": 1 + number % 4} for number, row in enumerate(rows(30))]
    await batch.run(manifest, settings=by_images | {"limits.concurrency": 64})
    bill = batch.simulator.bill
    images = [(bill.arrivals[charge.arrival_number - 1].at_s, charge.images) for charge in bill.charges]
    assert sum(amount for _, amount in images) == 73
    assert most_in_a_window(images) <= LIMIT


async def test_there_are_never_more_requests_at_once_than_allowed(batch: Batch) -> None:
    batch.simulator.change(max_concurrent=5, latency_s=(0.0, 0.02), faults=(Fault.parse("server_error=0.2"),))
    await batch.run(rows(60), settings={"limits.concurrency": 5})
    assert "too_many_at_once" not in {arrival.outcome for arrival in batch.simulator.bill.arrivals}
    assert len(batch.simulator.bill.charges) == 60


async def test_a_service_with_a_lower_limit_is_obeyed_and_no_row_suffers(batch: Batch) -> None:
    batch.simulator.change(requests_per_window=10, window_s=1.0)
    summary = await batch.run(rows(30))
    assert summary.progress.throttled > 0
    assert batch.outcomes() == {row["id"]: ["ok"] for row in rows(30)}
    assert len(batch.simulator.bill.charges) == 30


@pytest.mark.parametrize("price_usd", [0.04, 0.13], ids=["at the known price", "dearer than anybody said"])
async def test_the_budget_is_not_exceeded_with_64_at_once(batch: Batch, price_usd: float) -> None:
    faults = tuple(map(Fault.parse, ("reset=0.1", "broken_image=0.1", "server_error=0.1")))
    batch.simulator.change(price_usd=price_usd, latency_s=(0.0, 0.02), faults=faults)
    manifest = [row | {"num_images": 1 + number % 4} for number, row in enumerate(rows(100))]
    settings = {"limits.concurrency": 64, "limits.max_cost_usd": 2.0, "preflight": False}
    summary = await batch.run(manifest, settings=settings)
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.BUDGET
    charged_usd = float(batch.simulator.bill.charged_usd)
    assert 1.0 < charged_usd <= 2.0

    await batch.run(manifest, settings=settings)
    assert float(batch.simulator.bill.charged_usd) <= charged_usd + 2.0
    assert len(batch.simulator.bill.charges) > 0


async def test_a_budget_of_nothing_buys_nothing(batch: Batch) -> None:
    summary = await batch.run(rows(3), settings={"limits.max_cost_usd": 0})
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.BUDGET
    assert not batch.simulator.bill.arrivals
