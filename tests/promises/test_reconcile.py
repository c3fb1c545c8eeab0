"""The index against the bill: every attempt in doubt is accounted for, and costs become what was billed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest
from support.batches import Watcher, read_index, run_batch, write_manifest
from support.folder_layout import FolderLayout
from support.providers import open_aimlapi

from batchgen.billing.reconcile import Fate, Reconciliation, reconcile
from batchgen.core.outcomes import Status
from batchgen.dataset.read.summary import summarise
from batchgen.dataset.repair.cost_corrections import held, shares
from batchgen.planning.selection import Selection
from batchgen.providers.base import Billing, LogEntry
from batchgen.simulator import Fault, ImageContent, Simulator, SimulatorSettings

PROMPTS = [f"a fox number {number}" for number in range(12)]


async def reconciled(out: Path, simulator: Simulator, later: timedelta = timedelta()) -> Reconciliation:
    """The index corrected as of now, or as if so much later."""
    layout = FolderLayout(out)
    provider = open_aimlapi(simulator.url)
    assert provider.billing is not None
    with held(layout):
        result = await reconcile(layout, "aimlapi", provider.billing, datetime.now(UTC) + later)
    await provider.aclose()
    assert result is not None
    return result


def billed(simulator: Simulator) -> float:
    return float(simulator.bill.charged_usd)


async def test_what_became_of_attempts_in_doubt_is_told_and_the_index_then_says_what_was_billed(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", PROMPTS, num_images=2)
    # Charged and never answered, reset before any work, and one of each that succeeds at the next try.
    faults = (Fault.parse("reset@2,5,13-40"), Fault.parse("reset_early@7,9"))
    settings = SimulatorSettings(image_content=ImageContent.SMALL, faults=faults)
    async with Simulator(settings) as simulator:
        await run_batch(manifest, tmp_path / "out", simulator.url, retry__max_attempts=3)
        before = read_index(tmp_path / "out")
        named = {i for record in before for i in record["in_doubt_ids"]}
        result = await reconciled(tmp_path / "out", simulator)

        charged = {charge.client_request_id for charge in simulator.bill.charges}
        assert {doubt.client_request_id for doubt in result.doubts} == named
        assert any(record["status"] == Status.IN_DOUBT for record in before)
        for doubt in result.doubts:
            expected = Fate.CHARGED if doubt.client_request_id in charged else Fate.NOT_CHARGED
            assert doubt.fate is expected
            assert doubt.cost_usd == (0.08 if expected is Fate.CHARGED else 0.0)
        after = read_index(tmp_path / "out")
        assert abs(sum(record["cost_usd"] for record in after) - billed(simulator)) < 1e-6
        assert abs(result.corrected_usd - billed(simulator)) < 1e-6
        assert abs(result.bill_usd - billed(simulator)) < 1e-6
        assert {record["cost_source"] for record in after} == {"header", "bill"}
        assert result.open_requests == 0
        # Nothing but costs, and what is said of doubts, has changed.
        kept = ("row_id", "status", "file_name", "client_request_id", "in_doubt_ids")
        assert sorted([record[k] or "" for k in kept] for record in after) == sorted(
            [record[k] or "" for k in kept] for record in before
        )

        again = await reconciled(tmp_path / "out", simulator)
        assert (again.corrected_requests, again.open_requests) == (0, 0)


async def test_an_image_that_took_two_charged_attempts_costs_both(tmp_path: Path) -> None:
    manifest, out = (
        write_manifest(tmp_path / "m.csv", PROMPTS, label="a column of the manifest's own"),
        tmp_path / "out",
    )
    async with Simulator(
        SimulatorSettings(image_content=ImageContent.SMALL, faults=(Fault.parse("reset@3"),))
    ) as simulator:
        await run_batch(manifest, out, simulator.url)
        result = await reconciled(out, simulator)
    assert (result.corrected_requests, round(result.corrected_usd, 6)) == (1, 0.52)
    records = read_index(out)
    assert {record["status"] for record in records} == {Status.OK}
    assert sorted(round(record["cost_usd"], 6) for record in records) == [0.04] * 11 + [0.08]
    view = pq.read_table(out / "metadata.parquet")
    assert round(sum(view["cost_usd"].to_pylist()), 6) == 0.52
    assert view["label"].to_pylist() == ["a column of the manifest's own"] * 12
    assert list(out.rglob(".batchgen-*")) == []


async def test_the_next_run_goes_on_from_corrected_costs_and_sends_only_what_is_in_doubt(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(
        SimulatorSettings(image_content=ImageContent.SMALL, faults=(Fault.parse("reset@4-"),))
    ) as simulator:
        await run_batch(manifest, out, simulator.url, retry__max_attempts=1)
        await reconciled(out, simulator)
        simulator.change(faults=())
        arrivals = len(simulator.bill.arrivals)

        left_alone = await run_batch(manifest, out, simulator.url, selection=Selection(in_doubt="skip"))
        assert left_alone.plan.kept_in_doubt.requests == 9
        assert len(simulator.bill.arrivals) == arrivals

        watcher = Watcher()
        await run_batch(manifest, out, simulator.url, watcher=watcher)
        assert watcher.plan is not None
        assert watcher.plan.in_doubt.requests == watcher.plan.to_send.requests == 9
        records = read_index(out)
        assert all(record["status"] == Status.OK for record in records)
        assert abs(sum(record["cost_usd"] for record in records) - billed(simulator)) < 1e-6


async def test_a_bill_is_booked_on_the_runs_that_sent_and_leaves_no_doubts(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS, num_images=2), tmp_path / "out"
    settings = SimulatorSettings(image_content=ImageContent.SMALL, faults=(Fault.parse("reset@4-"),))
    async with Simulator(settings) as simulator:
        first = await run_batch(manifest, out, simulator.url, retry__max_attempts=1)
        simulator.change(faults=())
        second = await run_batch(manifest, out, simulator.url)
        doubtful = summarise(FolderLayout(out))
        assert len(doubtful.in_doubt_ids) == 9
        assert {i: round(run.cost_usd, 6) for i, run in doubtful.runs.items()} == {
            first.run_id: 0.24,
            second.run_id: 0.72,
        }
        await reconciled(out, simulator)
    settled = summarise(FolderLayout(out))
    assert {i: round(run.cost_usd, 6) for i, run in settled.runs.items()} == {first.run_id: 0.96, second.run_id: 0.72}
    assert settled.in_doubt_ids == []


async def test_a_run_whose_images_all_came_later_is_named_with_what_it_cost(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS[:4]), tmp_path / "out"
    settings = SimulatorSettings(image_content=ImageContent.SMALL, faults=(Fault.parse("reset@1-"),))
    async with Simulator(settings) as simulator:
        first = await run_batch(manifest, out, simulator.url, retry__max_attempts=1)
        simulator.change(faults=())
        await run_batch(manifest, out, simulator.url)
        await reconciled(out, simulator)
    run = summarise(FolderLayout(out)).runs[first.run_id]
    assert (run.images, round(run.cost_usd, 6), run.started_at is not None) == (0, 0.16, True)


@asynccontextmanager
async def swallowing_first(port: int) -> AsyncIterator[str]:
    """A way to a port of loopback on which the first connection is read from and then lost."""
    taken = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        try:
            if taken == 1:
                await reader.readuntil(b"}")
                return
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pipe(reader, onward_writer), _pipe(onward_reader, writer))
        finally:
            writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_an_attempt_missing_from_the_log_stays_open_until_the_log_must_have_it(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(SimulatorSettings(image_content=ImageContent.SMALL)) as simulator:
        async with swallowing_first(int(simulator.url.rpartition(":")[2])) as url:
            await run_batch(manifest, out, url, limits__concurrency=1, retry__max_attempts=1, preflight=False)

        soon = await reconciled(out, simulator)
        assert [(doubt.row_id, doubt.fate, doubt.cost_usd) for doubt in soon.doubts] == [
            ("row-0", Fate.NOT_LOGGED_YET, None)
        ]
        assert (soon.open_requests, soon.corrected_requests) == (1, 0)
        assert next(record for record in read_index(out) if record["row_id"] == "row-0")["cost_usd"] is None

        later = await reconciled(out, simulator, timedelta(hours=2))
        assert [doubt.fate for doubt in later.doubts] == [Fate.NEVER_ARRIVED]
        assert (later.open_requests, later.corrected_requests) == (0, 1)
        record = next(record for record in read_index(out) if record["row_id"] == "row-0")
        assert (record["cost_usd"], record["cost_source"]) == (0.0, "bill")


async def test_the_log_of_another_key_corrects_nothing(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(
        SimulatorSettings(image_content=ImageContent.SMALL, faults=(Fault.parse("reset@3"),))
    ) as simulator:
        await run_batch(manifest, out, simulator.url, retry__max_attempts=1)
    async with Simulator() as other:
        result = await reconciled(out, other, timedelta(days=2))
    assert [doubt.fate for doubt in result.doubts] == [Fate.OTHER_LOG]
    assert (result.corrected_requests, result.open_requests) == (0, 12)


async def test_a_log_that_does_not_reach_back_so_far_makes_nothing_free(tmp_path: Path) -> None:
    class Forgetful:
        """A log that has dropped its first calls."""

        def __init__(self, account: Billing) -> None:
            self._account = account

        async def logs(self, start: datetime, end: datetime) -> AsyncIterator[LogEntry]:
            entries = [entry async for entry in self._account.logs(start, end)]
            for entry in sorted(entries, key=lambda entry: entry.client_request_id or "")[4:]:
                yield entry

    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(SimulatorSettings(image_content=ImageContent.SMALL)) as simulator:
        await run_batch(manifest, out, simulator.url)
        before = read_index(out)
        provider = open_aimlapi(simulator.url)
        assert provider.billing is not None
        with held(FolderLayout(out)):
            forgetful = cast("Billing", Forgetful(provider.billing))
            result = await reconcile(FolderLayout(out), "aimlapi", forgetful, datetime.now(UTC) + timedelta(days=2))
        await provider.aclose()
    assert result is not None
    assert (result.entries, result.corrected_requests, result.open_requests) == (8, 0, 4)
    assert read_index(out) == before


class Other:
    """The log of a service whose clock is behind ours by `behind`, and that has forgotten some calls."""

    def __init__(self, account: Billing, behind: timedelta = timedelta(), forgotten: str = "never") -> None:
        self._account = account
        self._behind = behind
        self._forgotten = forgotten

    async def logs(self, start: datetime, end: datetime) -> AsyncIterator[LogEntry]:
        async for entry in self._account.logs(start + self._behind, end + self._behind):
            if self._forgotten not in (entry.client_request_id or ""):
                yield replace(entry, created=entry.created - self._behind)


async def reconciled_with(out: Path, simulator: Simulator, **how: Any) -> Reconciliation:
    """The index corrected two hours later by such a log."""
    provider = open_aimlapi(simulator.url)
    assert provider.billing is not None
    with held(FolderLayout(out)):
        other = cast("Billing", Other(provider.billing, **how))
        result = await reconcile(FolderLayout(out), "aimlapi", other, datetime.now(UTC) + timedelta(hours=2))
    await provider.aclose()
    assert result is not None
    return result


async def test_charged_attempts_are_found_though_our_clock_was_wrong_when_they_were_sent(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    settings = SimulatorSettings(
        image_content=ImageContent.SMALL, faults=(Fault.parse("reset@1-3"),), latency_s=(0.4, 0.4)
    )
    async with Simulator(settings) as simulator:
        await run_batch(manifest, out, simulator.url, limits__concurrency=1, retry__max_attempts=1, preflight=False)
        # Those in doubt are before the time that is asked for first, and those that were answered within it.
        result = await reconciled_with(out, simulator, behind=timedelta(minutes=10, seconds=3))
        assert [doubt.fate for doubt in result.doubts] == [Fate.CHARGED] * 3
        assert result.corrected_usd == result.bill_usd == pytest.approx(billed(simulator))


async def test_an_attempt_is_said_never_to_have_arrived_only_if_every_answer_of_its_run_is_in_the_log(
    tmp_path: Path,
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(SimulatorSettings(image_content=ImageContent.SMALL)) as simulator:
        async with swallowing_first(int(simulator.url.rpartition(":")[2])) as url:
            await run_batch(manifest, out, url, limits__concurrency=1, retry__max_attempts=1, preflight=False)
        answered = next(record for record in read_index(out) if record["row_id"] == "row-7")
        gap = await reconciled_with(out, simulator, forgotten=answered["client_request_id"])
        assert [doubt.fate for doubt in gap.doubts] == [Fate.OTHER_LOG]
        assert next(record for record in read_index(out) if record["row_id"] == "row-0")["cost_usd"] is None
        whole = await reconciled_with(out, simulator)
        assert [doubt.fate for doubt in whole.doubts] == [Fate.NEVER_ARRIVED]


def test_a_cost_is_spread_as_before_else_over_images_else_over_all_slots() -> None:
    assert shares([0.02, 0.06], [Status.OK, Status.BLOCKED], 0.16) == pytest.approx([0.04, 0.12])
    assert shares([None, 0.04], [Status.OK, Status.BLOCKED], 0.08) == [0.08, 0.0]
    assert shares([None, None], [Status.IN_DOUBT, Status.IN_DOUBT], 0.08) == [0.04, 0.04]
    assert shares([0.0, 0.0], [Status.OK, Status.OK], 0.08) == [0.04, 0.04]
