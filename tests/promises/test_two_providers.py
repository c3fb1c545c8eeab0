"""Rows of two providers in one manifest: each account has its own key, limits and fate; the budget is one for both."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.batches import QUICK, Watcher, read_index
from support.toy_provider import MODEL, NAME, SECRET, ToyService, installed_toy, serve_toy

from batchgen.cli.main import main
from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Fault, ImageContent, Simulator, SimulatorSettings

IMAGEN = "imagen-3.0-generate-002"
SIMULATOR = SimulatorSettings(image_content=ImageContent.SMALL)
KEYS = {"AIMLAPI_API_KEY": "imagen-secret-key", "TOY_KEY": SECRET}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Path]:
    with installed_toy(tmp_path) as path:
        yield path


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Twelve rows, of either model in turn."""
    path = tmp_path / "m.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "prompt", "model", "colour"])
        for number in range(6):
            writer.writerow([f"imagen-{number}", f"a fox {number}", IMAGEN, ""])
            writer.writerow([f"toy-{number}", f"a hare {number}", MODEL, "blue"])
    return path


async def run(
    manifest: Path,
    catalog: Path,
    simulator: Simulator,
    toy: ToyService,
    *,
    watcher: Watcher | None = None,
    keys: dict[str, str] | None = None,
    **changes: Any,
) -> RunSummary:
    flags = QUICK | {
        "api.base_url": simulator.url,
        f"providers.{NAME}.base_url": toy.url,
        "models": (str(catalog),),
        "preflight": False,
        **{name.replace("__", "."): value for name, value in changes.items()},
    }
    out = manifest.parent / "out"
    job = make_job(open_manifest(str(manifest)), load_config(given=flags), out, Selection())
    return await run_job(job, Keyring(KEYS if keys is None else keys), watcher or Watcher(), StopSignal())


def statuses(out: Path) -> Counter[tuple[str, str]]:
    return Counter((record["provider"], record["status"]) for record in read_index(out))


async def test_each_row_is_asked_of_its_own_provider_with_its_own_key(manifest: Path, catalog: Path) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        summary = await run(manifest, catalog, simulator, toy)
        out = Path(summary.out)
        assert summary.stop is None
        assert statuses(out) == {("aimlapi", "ok"): 6, ("toy", "ok"): 6}
        assert {key for key, _ in toy.calls} == {SECRET}
        assert sorted(form["text"] for _, form in toy.calls) == [f"a hare {number}" for number in range(6)]
        assert all(form["colour"] == "blue" for _, form in toy.calls)
        assert summary.progress.spent_usd == pytest.approx(float(simulator.bill.charged_usd) + toy.bill_usd)
        again = await run(manifest, catalog, simulator, toy)
        assert again.progress.attempts == 0, "what is done stays done"
        assert len(toy.calls) == 6


@pytest.mark.parametrize("status", [401, 404])
async def test_a_dead_account_or_model_stops_its_rows_and_no_others(manifest: Path, catalog: Path, status: int) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        toy.status, watcher = status, Watcher()
        summary = await run(manifest, catalog, simulator, toy, watcher=watcher)
        assert statuses(Path(Path(summary.out))) == {("aimlapi", "ok"): 6}, "no row is blamed, the others are made"
        assert summary.stop is not None
        assert summary.stop.kind is StopKind.ACCOUNT, "rows are left: exit code 4"
        assert "no more crayons" in summary.stop.message
        assert ("Ask for another key." in summary.stop.message) == (status == 401)
        assert any("stay pending; the others go on" in warning for warning in watcher.warnings)
        toy.status = 200
        await run(manifest, catalog, simulator, toy)
        assert statuses(Path(Path(summary.out))) == {("aimlapi", "ok"): 6, ("toy", "ok"): 6}
        assert len(simulator.bill.charges) == 6, "nothing is bought twice"


async def test_when_every_account_is_dead_the_run_stops_at_once(manifest: Path, catalog: Path) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        toy.status = 402
        simulator.change(faults=(Fault.parse("bad_key=1"),))
        summary = await run(manifest, catalog, simulator, toy, limits__concurrency=1)
        assert summary.stop is not None
        assert summary.stop.kind is StopKind.ACCOUNT
        assert len(simulator.bill.arrivals) + len(toy.calls) <= 4
        assert read_index(Path(Path(summary.out))) == []


async def test_a_provider_without_a_key_leaves_its_rows_pending_and_says_which_variable_to_set(
    manifest: Path, catalog: Path
) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        keys = {"AIMLAPI_API_KEY": "imagen-secret-key"}
        summary = await run(manifest, catalog, simulator, toy, keys=keys)
        assert statuses(Path(Path(summary.out))) == {("aimlapi", "ok"): 6}
        assert summary.stop is not None
        assert "Set TOY_KEY" in summary.stop.message
        assert toy.calls == []


@pytest.fixture
def rows_of_one(manifest: Path) -> Path:
    """Six rows with a column `model`, all of one provider; the catalog has models of others."""
    rows = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(row for row in rows if not row.startswith("toy-")))
    return manifest


async def test_a_key_is_missing_only_where_a_row_needs_it(rows_of_one: Path, catalog: Path) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        watcher = Watcher()
        summary = await run(
            rows_of_one, catalog, simulator, toy, watcher=watcher, keys={"AIMLAPI_API_KEY": "imagen-secret-key"}
        )
        assert statuses(Path(Path(summary.out))) == {("aimlapi", "ok"): 6}
        assert summary.stop is None
        assert watcher.warnings == []


async def test_an_image_that_waits_at_its_link_needs_the_key_too(rows_of_one: Path, catalog: Path) -> None:
    late = replace(SIMULATOR, faults=(Fault.parse("late_cdn=1"),), late_fetches=1000)
    ways: dict[str, Any] = {
        "image_transport": "url",
        "api__download_attempts": 1,
        "providers__aimlapi__key_variable": "IMAGEN_KEY",
    }
    async with Simulator(late) as simulator, serve_toy() as toy:
        first = await run(rows_of_one, catalog, simulator, toy, keys={"IMAGEN_KEY": "imagen-secret-key"}, **ways)
        assert statuses(Path(first.out)) == {("aimlapi", "failed"): 6}
        again = await run(rows_of_one, catalog, simulator, toy, keys={"TOY_KEY": SECRET}, **ways)
        assert again.progress.deferred == 6
        assert again.stop is not None
        assert "Set IMAGEN_KEY" in again.stop.message


async def test_each_account_has_its_own_limits(manifest: Path, catalog: Path) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        limits: dict[str, Any] = {
            f"providers.{NAME}.limits.requests_per_minute": 3,
            f"providers.{NAME}.limits.window_s": 20,
            f"providers.{NAME}.limits.concurrency": 1,
        }
        watcher = Watcher()
        # Its window is full with its first request. The budget would pay for three more, and six at the other account,
        # at full speed, leave less than one: nobody waits for the window.
        running = await run(manifest, catalog, simulator, toy, watcher=watcher, limits__max_cost_usd=0.40, **limits)
        assert running.stop is not None
        assert running.stop.kind is StopKind.BUDGET
        assert toy.most_in_flight == 1
        assert len(toy.calls) == 1
        assert len(simulator.bill.charges) == 6


@pytest.mark.parametrize("max_usd", [0.35, 0.55, 0.90])
async def test_one_budget_holds_for_both_accounts(manifest: Path, catalog: Path, max_usd: float) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        summary = await run(manifest, catalog, simulator, toy, limits__max_cost_usd=max_usd)
        billed_usd = float(simulator.bill.charged_usd) + toy.bill_usd
        assert billed_usd <= max_usd + 1e-9
        assert summary.progress.spent_usd == pytest.approx(billed_usd)


async def test_the_index_names_provider_model_and_parameters(manifest: Path, catalog: Path) -> None:
    async with Simulator(SIMULATOR) as simulator, serve_toy() as toy:
        summary = await run(manifest, catalog, simulator, toy)
    record = next(record for record in read_index(Path(Path(summary.out))) if record["row_id"] == "toy-3")
    assert (record["provider"], record["model"], json.loads(record["params"])) == (NAME, MODEL, {"colour": "blue"})
    assert (record["cost_usd"], record["cost_source"]) == (pytest.approx(0.10), "header")
    assert record["inference_id"].startswith("call-")


def test_what_would_be_sent_is_shown_with_the_key_masked(
    manifest: Path, catalog: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOY_KEY", raising=False)
    config = manifest.parent / "c.toml"
    config.write_text(f'models = ["{catalog}"]\n[providers.{NAME}]\nbase_url = "http://127.0.0.1:9"\n')
    command = ["plan", str(manifest), "-c", str(config), "--show-request"]
    before = {path.name for path in manifest.parent.iterdir()}
    assert main([*command, "toy-2"]) == 0
    shown = capsys.readouterr().out
    assert "curl -X POST http://127.0.0.1:9/draw" in shown
    assert '-H "X-Toy-Key: $TOY_KEY"' in shown
    assert "--data-raw 'text=a+hare+2&colour=blue'" in shown
    assert {path.name for path in manifest.parent.iterdir()} == before, "nothing is written"
    assert main([*command, "imagen-2"]) == 0
    assert '"prompt":"a fox 2"' in capsys.readouterr().out
    assert main([*command, "nobody"]) == 2
    assert "'nobody'" in capsys.readouterr().err
