"""Money: a budget is never exceeded, an empty account stops the run, and its owner is told before that."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from conftest import Batch
from support.batches import IMPATIENT, Watcher, compare_with_bill, read_index, run_batch, without_price, write_manifest
from support.misfortune import ENDINGS

from batchgen.core.outcomes import Status
from batchgen.engine.stop import StopKind
from batchgen.simulator import Fault, Simulator

MODEL = "imagen-3.0-generate-002"
PROMPTS = [f"a fox {number}" for number in range(100)]
SLOW = replace(ENDINGS, latency_s=(0.01, 0.1))  # so that many are in flight at once


@pytest.mark.parametrize(
    "faults", ["", "reset=0.2", "broken_image=0.2", "server_error=0.3", "stall=0.1", "cut_off=0.3"]
)
async def test_the_budget_holds_with_64_at_once_where_only_answers_tell_the_price(tmp_path: Path, faults: str) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS, num_images=2), tmp_path / "out"
    async with Simulator(replace(SLOW, faults=(Fault.parse(faults),) if faults else ())) as simulator:
        summary = await run_batch(
            manifest,
            out,
            simulator.url,
            models=without_price(tmp_path),
            preflight=False,
            limits__concurrency=64,
            limits__max_cost_usd=2.5,
            **(IMPATIENT if "stall" in faults else {}),
        )
        assert summary.stop is not None
        assert summary.stop.kind is StopKind.BUDGET
        assert (
            2.5 - 0.08 < float(simulator.bill.charged_usd) + 0.08 * len(uncharged_doubts(out, simulator)) <= 2.5 + 1e-9
        )
        compare_with_bill(out, simulator)


def uncharged_doubts(out: Path, simulator: Simulator) -> set[str]:
    """Attempts in doubt that cost nothing in the end: a budget has to count them all the same."""
    charged = {charge.client_request_id for charge in simulator.bill.charges}
    return {i for record in read_index(out) for i in record["in_doubt_ids"]} - charged


async def test_a_price_that_nobody_tells_keeps_no_budget_and_is_not_guessed(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(SLOW, announce_cost=False)) as simulator:
        summary = await run_batch(
            manifest,
            out,
            simulator.url,
            models=without_price(tmp_path),
            preflight=False,
            limits__max_cost_usd=2.5,
        )
        assert summary.stop is not None
        assert summary.stop.kind is StopKind.BUDGET
        assert len(simulator.bill.charges) == 1
        assert [record["cost_usd"] for record in read_index(out)] == [None]


async def test_credits_that_run_out_stop_the_run_and_after_a_top_up_it_goes_on(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(SLOW, balance_usd=1.0)) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, limits__concurrency=64)
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.ACCOUNT
        assert "credits" in stopped.stop.message
        assert [record["status"] for record in read_index(out)] == [Status.OK] * 25  # the others are pending
        assert simulator.bill.balance_usd == 0

        simulator.change(balance_usd=50.0)
        done = await run_batch(manifest, out, simulator.url)
        assert done.stop is None
        assert [record["status"] for record in read_index(out)] == [Status.OK] * 100
        assert len(simulator.bill.charges) == 100
        compare_with_bill(out, simulator)


# Preflight


async def test_a_shortfall_is_known_before_anything_is_bought(tmp_path: Path) -> None:
    manifest, watcher = write_manifest(tmp_path / "m.csv", PROMPTS), Watcher()
    async with Simulator(replace(ENDINGS, balance_usd=1.0, price_usd=0.05)) as simulator:
        await run_batch(manifest, tmp_path / "out", simulator.url, watcher=watcher)
    assert watcher.preflight is not None
    assert watcher.plan is not None
    assert watcher.preflight.balance_usd == 1.0
    assert watcher.plan.cost_usd == pytest.approx(5.0)  # at the price of today, which is not the catalog's
    assert watcher.preflight.shortfall_usd(watcher.plan.cost_usd) == pytest.approx(4.0)


async def test_the_price_of_today_counts_in_budget_and_index_where_answers_do_not_tell(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(SLOW, price_usd=0.1, announce_cost=False)) as simulator:
        summary = await run_batch(manifest, out, simulator.url, limits__concurrency=64, limits__max_cost_usd=1.0)
        assert summary.stop is not None
        assert summary.stop.kind is StopKind.BUDGET
        assert float(simulator.bill.charged_usd) == pytest.approx(1.0)
        assert {record["cost_source"] for record in read_index(out)} == {"price"}
        compare_with_bill(out, simulator)


@asynccontextmanager
async def limited_account(status: int, image: bytes) -> AsyncIterator[tuple[str, list[str]]]:
    """A service whose account endpoints answer with an error, and the paths that were asked for."""
    asked: list[str] = []

    async def generate(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"b64_json": base64.b64encode(image).decode()}]})

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"message": "not with this key"}, status=status)

    app = web.Application()
    app.router.add_post("/v1/images/generations", generate)
    app.router.add_get("/{path:.*}", refuse)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@pytest.fixture
def image() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
async def test_a_key_that_may_not_ask_costs_one_remark_and_stops_nothing(
    tmp_path: Path, status: int, image: bytes
) -> None:
    manifest, watcher = write_manifest(tmp_path / "m.csv", PROMPTS[:3]), Watcher()
    async with limited_account(status, image) as (url, _):
        summary = await run_batch(manifest, tmp_path / "out", url, watcher=watcher)
    assert summary.stop is None
    assert summary.progress.slots[Status.OK] == 3
    assert watcher.preflight is not None
    assert watcher.preflight.balance_usd is None
    assert len(watcher.preflight.remarks) == 1
    assert "not with this key" in watcher.preflight.remarks[0]


async def test_without_preflight_nothing_is_asked(tmp_path: Path, image: bytes) -> None:
    manifest = write_manifest(tmp_path / "m.csv", PROMPTS[:3])
    async with limited_account(403, image) as (url, asked):
        await run_batch(manifest, tmp_path / "out", url, preflight=False)
        assert asked == []
        await run_batch(manifest, tmp_path / "out", url)
        assert asked == []  # nothing to buy, nothing to ask


async def test_a_model_that_the_service_does_not_list_is_told(tmp_path: Path) -> None:
    manifest, watcher = write_manifest(tmp_path / "m.csv", PROMPTS[:3]), Watcher()
    (tmp_path / "old.toml").write_text('name = "imagen-2"\n[fields.prompt]\ntype = "string"\n')
    async with Simulator(ENDINGS) as simulator:
        summary = await run_batch(
            manifest,
            tmp_path / "out",
            simulator.url,
            watcher=watcher,
            model="imagen-2",
            models=[str(tmp_path / "old.toml")],
        )
    assert watcher.preflight is not None
    assert watcher.preflight.remarks == ("The service does not list the model imagen-2: it may be gone.",)
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.ACCOUNT
    assert read_index(tmp_path / "out") == []


async def test_a_cost_beyond_all_sense_is_not_believed_and_told(batch: Batch) -> None:
    batch.simulator.change(price_usd=1e9, balance_usd=1e15)
    rows = [{"id": f"row-{number}", "prompt": f"a fox {number}"} for number in range(6)]
    summary = await batch.run(rows, settings={"limits.max_cost_usd": 1.0})
    assert summary.stop is None
    assert batch.outcomes() == {row["id"]: ["ok"] for row in rows}
    assert summary.progress.spent_usd == pytest.approx(6 * 0.04)
    assert {(made["cost_usd"], made["cost_source"]) for made in batch.records()} == {(0.04, "price")}
    assert summary.progress.incredible_costs == 6
    assert summary.progress.first_incredible is not None
    events = [json.loads(line) for line in (batch.out / ".batchgen" / "events.jsonl").read_text().splitlines()]
    told = [(event["row_id"], event["cost_usd"]) for event in events if event["event"] == "incredible"]
    assert sorted(told) == [(row["id"], 1e9) for row in rows]
