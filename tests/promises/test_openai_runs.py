"""Runs at OpenAI, and at a server that speaks like it: each image paid once, by its tokens, within the budget."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.batches import QUICK, Watcher, compare_with_bill, read_index, write_manifest

from batchgen.cli.main import main
from batchgen.config.load import load_config
from batchgen.core.errors import ApiKeyError
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Fault, ImageContent, Simulator, SimulatorSettings

MODEL = "openai/gpt-image-2.5-flare"
KEY = "sk-openai-secret"
OWN_MODEL = """\
name = "sdxl-turbo"
provider = "studio"

[price]
usd_per_image = 0
date = 2026-11-01
source = "our own machine"

[fields.prompt]
type = "string"

[fields.num_images]
type = "integer"
min = 1
max = 4
default = 1
path = "n"

[fields.steps]
type = "integer"
"""


def simulator(**settings: Any) -> Simulator:
    return Simulator(SimulatorSettings(provider="openai", image_content=ImageContent.SMALL, **settings))


async def run(
    manifest: Path, settings: Mapping[str, object], keys: Mapping[str, str], watcher: Watcher | None = None
) -> RunSummary:
    job = make_job(
        open_manifest(str(manifest)), load_config(given={**QUICK, **settings}), manifest.parent / "out", Selection()
    )
    return await run_job(job, Keyring(keys), watcher or Watcher(), StopSignal())


async def test_each_image_is_bought_once_and_costs_its_tokens(tmp_path: Path) -> None:
    prompts = [f"a fox {number}" for number in range(6)] + ["BLOCKME"]
    manifest = write_manifest(tmp_path / "m.csv", prompts, num_images=2, quality="low", size="1536x1024")
    async with simulator(key=KEY, faults=(Fault.parse("rate_limited@2"), Fault.parse("server_error@4"))) as service:
        settings = {"model": MODEL, "providers.openai.base_url": f"{service.url}/v1"}
        await run(manifest, settings, {"OPENAI_API_KEY": KEY})
        compare_with_bill(tmp_path / "out", service)
        bought = len(service.bill.charges)
        await run(manifest, settings, {"OPENAI_API_KEY": KEY})
        assert len(service.bill.charges) == bought == 6
    records = read_index(tmp_path / "out")
    assert Counter(record["status"] for record in records) == {"ok": 12, "blocked": 2}
    assert {record["cost_source"] for record in records if record["status"] == "ok"} == {"header"}
    assert KEY not in "".join(
        path.read_bytes().decode("utf-8", "replace") for path in (tmp_path / "out").rglob("*") if path.is_file()
    )


async def test_the_budget_holds_where_only_the_answer_tells_the_cost(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(40)])
    async with simulator() as service:
        settings = {"model": MODEL, "providers.openai.base_url": service.url, "limits.max_cost_usd": 0.8}
        summary = await run(manifest, settings, {"OPENAI_API_KEY": KEY})
        assert 0 < float(service.bill.charged_usd) <= 0.8
        assert summary.stop is not None
        # The bound is half a dollar, an image some cents: it reserves, and does not count.
        assert len(service.bill.charges) > 2


async def test_an_empty_account_stops_its_rows_and_blames_none(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox", "an owl"])
    async with simulator(balance_usd=0) as service:
        settings = {"model": MODEL, "providers.openai.base_url": service.url}
        summary = await run(manifest, settings, {"OPENAI_API_KEY": KEY})
    assert summary.stop is not None
    assert not read_index(tmp_path / "out")


async def test_a_server_of_ones_own_speaks_like_it_by_data(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN_MODEL)
    manifest = write_manifest(tmp_path / "m.csv", ["a fox", "an owl"], steps=4, num_images=2)
    async with simulator(any_model=True, announce_cost=False, key="studio-key") as service:
        settings = {
            "model": "studio/sdxl-turbo",
            "models": (str(own),),
            "providers.studio.kind": "openai",
            "providers.studio.base_url": f"{service.url}/v1",
        }
        await run(manifest, settings, {"STUDIO_API_KEY": "studio-key", "OPENAI_API_KEY": KEY})
    records = read_index(tmp_path / "out")
    assert Counter((record["provider"], record["status"], record["cost_usd"]) for record in records) == {
        ("studio", "ok", 0.0): 4
    }


def test_a_server_of_ones_own_may_ask_for_no_key_and_openai_does() -> None:
    config = load_config(given={"providers.studio.kind": "openai", "providers.studio.base_url": "http://gpu:8000"})
    keyring = Keyring({"OPENAI_API_KEY": ""})
    assert not keyring.key("studio", config.config).is_set
    with pytest.raises(ApiKeyError, match="OPENAI_API_KEY"):
        keyring.key("openai", config.config)


def test_every_model_of_the_catalog_can_be_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("BATCHGEN_PROVIDERS__OPENAI__BASE_URL", "http://127.0.0.1:9")
    manifest = tmp_path / "m.csv"
    manifest.write_text("prompt,model\na fox,imagen-3\nan owl,openai/gpt-image-2\n")
    assert main(["run", str(manifest), "-o", "out", "--simulate", "--rpm", "6000", "--no-gallery", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 2
    # The same dataset does not go on for real.
    assert main(["run", str(manifest), "-o", "out", "--rpm", "6000", "--no-gallery", "--retry", "failed"]) == 2


def test_a_run_that_has_no_key_at_all_says_which_service_wants_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("AIMLAPI_API_KEY", "AIML_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    manifest = tmp_path / "m.csv"
    manifest.write_text("prompt,model\nan owl,openai/gpt-image-2\n")
    assert main(["run", str(manifest), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "AIMLAPI_API_KEY for AI/ML API" in said
    assert "OPENAI_API_KEY for OpenAI" in said


def test_a_simulated_dataset_says_so_and_nothing_says_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.csv").write_text("prompt\na fox\n")
    assert main(["run", "m.csv", "-o", "out", "--simulate", "--rpm", "6000", "--no-gallery"]) == 0
    assert main(["status", "out"]) == 0
    said = capsys.readouterr().out
    assert said.lower().count("simulated: nothing was paid; the prices come to $0.04") == 2
    assert "spent" not in said.lower()
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Every image here is simulated" in card
    assert "trainedAlgorithmicMedia" not in card
    assert "| service of the last run | the simulator |" in card
