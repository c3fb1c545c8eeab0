"""A service that stalls, goes away, comes back, refuses everyone, or was never there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from support.batches import IMPATIENT, Watcher, compare_with_bill, read_index, run_batch, write_manifest
from support.misfortune import ENDINGS

from batchgen.core.outcomes import Status
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.simulator import Fault, Simulator
from batchgen.simulator.bill import Arrival

ROWS = 60
PROMPTS = [f"a fox {number}" for number in range(ROWS)]


def rows_of(arrivals: Sequence[Arrival]) -> set[str]:
    """What tells the requests of some attempts from others."""
    return {str(arrival.client_request_id).rsplit(".", 1)[0] for arrival in arrivals}


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that the simulator's bill will show; the test's timeout is the limit."""
    while not condition():
        await asyncio.sleep(0.005)


class Hourglass(StopSignal):
    """Lets a wait that no test sits out pass once something has happened, however slow the machine is."""

    def __init__(self, happened: Callable[[], object]) -> None:
        super().__init__()
        self.turned_s: list[float] = []
        self._happened = happened

    async def wait(self, timeout_s: float | None = None) -> bool:
        if timeout_s is None or timeout_s < 60:
            return await super().wait(timeout_s)
        self.turned_s.append(timeout_s)
        await until(self._happened)
        return self.is_set


async def test_a_service_that_is_gone_for_a_while_is_waited_for_and_no_row_is_blamed(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, latency_s=(0.01, 0.02))) as simulator:
        running = asyncio.create_task(
            run_batch(manifest, out, simulator.url, limits__requests_per_minute=6000, retry__outage_s=60.0)
        )
        await until(lambda: len(simulator.bill.charges) >= 10)
        await simulator.close()
        await asyncio.sleep(0.5)  # the outage itself: dozens of connections fail meanwhile
        await simulator.open()
        summary = await running
        assert summary.stop is None
        assert [record["status"] for record in read_index(out)] == [Status.OK] * ROWS
        compare_with_bill(out, simulator)


async def test_with_the_defaults_a_blip_ends_no_run_and_is_told(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    watcher = Watcher()
    async with Simulator(replace(ENDINGS, latency_s=(0.01, 0.02))) as simulator:
        running = asyncio.create_task(
            run_batch(manifest, out, simulator.url, watcher=watcher, limits__requests_per_minute=6000)
        )
        await until(lambda: len(simulator.bill.charges) >= 10)
        await simulator.close()
        await until(lambda: watcher.warnings)
        assert "did not get through to the service" in watcher.warnings[0]
        assert "The run waits up to 1" in watcher.warnings[0]
        await simulator.open()
        assert (await running).stop is None
        assert watcher.warnings[1].startswith("The service answers again, after ")
        assert len(watcher.warnings) == 2
        compare_with_bill(out, simulator)


async def test_a_service_that_stays_away_stops_the_run_and_the_same_command_goes_on(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, latency_s=(0.01, 0.02))) as simulator:
        running = asyncio.create_task(run_batch(manifest, out, simulator.url, retry__outage_s=0.3))
        await until(lambda: len(simulator.bill.charges) >= 10)
        await simulator.close()
        stopped = await running
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.NETWORK
        assert simulator.url.removeprefix("http://") in stopped.stop.message
        # Nobody is blamed for the outage: what is not done is pending, or was in flight when the service went.
        assert {record["status"] for record in read_index(out)} <= {Status.OK, Status.IN_DOUBT}

        await simulator.open()
        done = await run_batch(manifest, out, simulator.url)
        assert done.stop is None
        assert [record["status"] for record in read_index(out)] == [Status.OK] * ROWS
        compare_with_bill(out, simulator)


async def test_a_service_that_was_never_there_is_told_after_ten_failures(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    for url, host in (("http://nowhere.invalid", "nowhere.invalid"), ("http://127.0.0.1:9", "127.0.0.1:9")):
        stopped = await run_batch(manifest, out, url)
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.NETWORK
        assert host in stopped.stop.message
        assert 10 <= stopped.progress.attempts <= 10 + 2 * 16
        assert read_index(out) == []


async def test_a_stall_of_the_whole_service_is_survived_and_every_silent_attempt_is_named(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("stall@10-41"),))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, **IMPATIENT)
        assert summary.stop is None
        records = read_index(out)
        assert [record["status"] for record in records] == [Status.OK] * ROWS
        stalled = {a.client_request_id for a in simulator.bill.arrivals if a.outcome == "stall"}
        assert len(stalled) == 32
        assert {i for record in records for i in record["in_doubt_ids"]} >= stalled
        compare_with_bill(out, simulator)


async def test_a_storm_of_429_is_waited_out_and_costs_nobody_a_try(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("rate_limited@8-20"),))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, retry__max_attempts=1)
        assert summary.stop is None
        assert summary.progress.throttled == 13
        assert [record["status"] for record in read_index(out)] == [Status.OK] * ROWS
        assert len(simulator.bill.charges) == ROWS


async def test_links_that_redirect_for_ever_are_left_after_five_steps(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS[:4]), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("redirect_cdn=1"),))) as simulator:
        await run_batch(manifest, out, simulator.url, image_transport="url")
        assert {record["status"] for record in read_index(out)} == {Status.FAILED}
        assert len(simulator.cdn.fetches) == 4  # a link that must not be followed is not tried again either

        # The images are paid for: the next run fetches them, and asks for nothing.
        simulator.change(faults=())
        await run_batch(manifest, out, simulator.url, image_transport="url")
        assert len(simulator.bill.charges) == 4


async def test_requests_turned_away_by_nginx_are_sent_again_and_cost_nobody_a_try(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("busy@3,5,9,20-22,40"),))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, retry__max_attempts=1)
        assert summary.stop is None
        assert summary.progress.throttled == 7
        assert [record["status"] for record in read_index(out)] == [Status.OK] * ROWS
        assert len(simulator.bill.charges) == ROWS
        compare_with_bill(out, simulator)


async def test_a_dead_service_behind_nginx_stops_the_run_and_blames_no_row(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("busy=1"),))) as simulator:
        stopped = await run_batch(manifest, out, simulator.url)
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.NETWORK
        assert "503" in stopped.stop.message
        assert read_index(out) == []


async def test_a_service_that_dies_behind_nginx_is_waited_for_as_long_as_an_outage(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("busy@20-"),))) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, retry__outage_s=0.3)
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.NETWORK
        assert {record["status"] for record in read_index(out)} == {Status.OK}

        simulator.change(faults=())
        assert (await run_batch(manifest, out, simulator.url)).stop is None
        assert [record["status"] for record in read_index(out)] == [Status.OK] * ROWS


async def test_refusals_by_chance_with_a_long_wait_hold_up_only_their_own_rows(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    settings = replace(ENDINGS, faults=(Fault.parse("rate_limited@12,45"),), retry_after_s=3000)
    async with Simulator(settings) as simulator:
        stop = Hourglass(lambda: len(simulator.bill.arrivals) >= ROWS)
        summary = await run_batch(manifest, out, simulator.url, stop=stop, limits__requests_per_minute=6000)
        assert summary.stop is None
        assert [record["status"] for record in read_index(out)] == [Status.OK] * ROWS
        assert stop.turned_s == [3000, 3000]
        arrivals = simulator.bill.arrivals
        # All others were sent before either row came again: had one of them waited, nobody would have gone on.
        assert [arrival.outcome for arrival in arrivals].count("rate_limited") == 2
        asked_again = arrivals[-2:]
        assert rows_of(asked_again) == rows_of([arrivals[11], arrivals[44]])
