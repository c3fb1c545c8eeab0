"""Money: a budget of the dataset holds over all its runs, and counts what may have been charged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.batches import compare_with_bill, read_index, run_batch, without_price, write_manifest
from support.misfortune import ENDINGS
from support.providers import open_aimlapi

from batchgen.billing.reconcile import reconcile
from batchgen.billing.spent import spent_usd
from batchgen.core.errors import UsageError
from batchgen.core.outcomes import Status
from batchgen.dataset.layout import layout_at
from batchgen.dataset.repair.cost_corrections import held
from batchgen.engine.stop import StopKind
from batchgen.simulator import Fault, Simulator

PROMPTS = [f"a heron {number}" for number in range(40)]


async def test_runs_together_stay_within_it_and_a_higher_one_lets_them_go_on(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, price_usd=0.04)) as simulator:
        first = await run_batch(manifest, out, simulator.url, limits__max_cost_usd=0.40)
        assert first.stop is not None
        assert "each run has a budget of its own" in first.stop.message
        assert len(simulator.bill.charges) == 10
        second = await run_batch(manifest, out, simulator.url, limits__max_total_usd=0.60)
        assert second.stop is not None
        assert second.stop.kind is StopKind.BUDGET
        assert "$0.40 in earlier runs and $0.20 in this one" in second.stop.message
        assert "--max-total" in second.stop.message
        again = await run_batch(manifest, out, simulator.url, limits__max_total_usd=0.60)
        assert again.stop is not None
        assert len(simulator.bill.charges) == 15
        both = await run_batch(manifest, out, simulator.url, limits__max_total_usd=5.0, limits__max_cost_usd=0.20)
        assert both.stop is not None
        assert "--max-cost" in both.stop.message
        assert len(simulator.bill.charges) == 20
        done = await run_batch(manifest, out, simulator.url, limits__max_total_usd=5.0)
        assert done.stop is None
        assert len(simulator.bill.charges) == 40
        compare_with_bill(out, simulator)


async def test_what_an_earlier_run_left_in_doubt_counts_in_full(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS[:4], num_images=2), tmp_path / "out"
    settings = replace(ENDINGS, price_usd=0.04)
    async with Simulator(replace(settings, faults=(Fault.parse("reset=1"),))) as simulator:
        await run_batch(
            manifest, out, simulator.url, retry__max_attempts=1, limits__concurrency=1, retry__connection_failures=50
        )
        doubts = sum(len(record["in_doubt_ids"]) for record in read_index(out))
        assert doubts == 8
        assert {record["status"] for record in read_index(out)} == {Status.IN_DOUBT}
        charged_before = len(simulator.bill.charges)
        simulator.change(faults=())
        more = write_manifest(tmp_path / "more.csv", [*PROMPTS[:4], *PROMPTS[10:20]], num_images=2)
        stopped = await run_batch(more, out, simulator.url, limits__max_total_usd=8 * 0.04 + 3 * 0.08)
        assert stopped.stop is not None
        assert stopped.stop.kind is StopKind.BUDGET
        assert len(simulator.bill.charges) - charged_before == 3


async def test_a_settled_doubt_counts_as_billed_and_makes_no_later_doubt_dearer(tmp_path: Path) -> None:
    out, lost = tmp_path / "out", (Fault.parse("reset=1"),)
    three, four = (write_manifest(tmp_path / f"{rows}.csv", PROMPTS[:rows]) for rows in (3, 4))
    alone: dict[str, Any] = {"retry__max_attempts": 1, "limits__concurrency": 1}
    async with Simulator(replace(ENDINGS, price_usd=0.04, faults=lost)) as simulator:
        await run_batch(three, out, simulator.url, **alone)
        simulator.change(faults=())
        await run_batch(three, out, simulator.url)
        assert spent_usd(layout_at(out), {}) == pytest.approx(6 * 0.04), "in doubt"
        provider = open_aimlapi(simulator.url)
        assert provider.billing is not None
        with held(layout_at(out)):
            await reconcile(layout_at(out), "aimlapi", provider.billing, datetime.now(UTC))
        await provider.aclose()
        assert spent_usd(layout_at(out), {}) == pytest.approx(6 * 0.04) == float(simulator.bill.charged_usd), "settled"
        simulator.change(faults=lost)
        await run_batch(four, out, simulator.url, **alone)
        assert spent_usd(layout_at(out), {}) == pytest.approx(7 * 0.04) == float(simulator.bill.charged_usd)


async def test_a_price_that_nobody_tells_is_asked_for_before_anything_is_sent(tmp_path: Path) -> None:
    manifest, out, models = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out", without_price(tmp_path)
    async with Simulator(replace(ENDINGS, announce_cost=False)) as simulator:
        await run_batch(manifest, out, simulator.url, models=models, preflight=False, limits__max_cost_usd=2.5)
        assert [record["cost_usd"] for record in read_index(out)] == [None]
        with pytest.raises(UsageError, match=r"1 image at a price that neither.*reconcile.*--max-total"):
            await run_batch(manifest, out, simulator.url, models=models, preflight=False, limits__max_total_usd=2.5)
        assert len(simulator.bill.charges) == 1
