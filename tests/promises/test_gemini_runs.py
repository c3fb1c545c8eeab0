"""Runs at the Gemini API: each image paid once, by its tokens, within the budget; a quota stops its own rows only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.batches import QUICK, Watcher, read_index, write_manifest
from support.gemini import CATALOG, MODEL, answer_of, error_of

from batchgen.cli.main import main
from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Fault, ImageContent, RetryAfter, Simulator, SimulatorSettings

MARK = "jhgkplmn"
KEY = f"AIza-marked/{MARK}+77"
KEYS = {"GEMINI_API_KEY": KEY, "AIMLAPI_API_KEY": "another-key"}
IMAGEN = "imagen-3.0-generate-002"


def gemini(**settings: Any) -> Simulator:
    small = {"image_content": ImageContent.SMALL, "retry_after": RetryAfter.NONE, "any_model": True}
    return Simulator(SimulatorSettings(provider="gemini", **{**small, **settings}))


async def run(manifest: Path, url: str, watcher: Watcher | None = None, **changes: Any) -> RunSummary:
    catalog = manifest.parent / "gemini.toml"
    catalog.write_text(CATALOG)
    settings = {
        **QUICK,
        "model": f"gemini/{MODEL}",
        "models": (str(catalog),),
        "providers.gemini.base_url": url,
        "preflight": False,
        **{name.replace("__", "."): value for name, value in changes.items()},
    }
    job = make_job(open_manifest(str(manifest)), load_config(given=settings), manifest.parent / "out", Selection())
    return await run_job(job, Keyring(KEYS), watcher or Watcher(), StopSignal())


async def test_each_image_is_bought_once_and_costs_its_tokens(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(6)], image_size="2K")
    faults = tuple(map(Fault.parse, ("rate_limited@2", "server_error@4", "no_image@5", "unavailable@6")))
    async with gemini(key=KEY, faults=faults) as service:
        summary = await run(manifest, service.url)
        records = read_index(tmp_path / "out")
        assert summary.stop is None
        assert Counter(record["status"] for record in records) == {"ok": 6}
        assert sum(record["cost_usd"] for record in records) == pytest.approx(float(service.bill.charged_usd))
        bought = {charge.inference_id: float(charge.usd) for charge in service.bill.charges if charge.images}
        assert bought.keys() == {record["inference_id"] for record in records}
        await run(manifest, service.url)
        assert len([charge for charge in service.bill.charges if charge.images]) == 6, "what is done stays done"


@pytest.mark.parametrize(
    "fault",
    [
        *("broken_json", "truncated_body", "cut_off", "reset", "broken_image", "broken_base64"),
        *("reset_early", "html_200", "bad_gateway", "busy", "conflict", "fewer_images"),
    ],
)
async def test_whatever_breaks_an_answer_each_charge_is_known_or_in_doubt(tmp_path: Path, fault: str) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox", "an owl"])
    async with gemini(faults=(Fault.parse(f"{fault}@1"),)) as service:
        await run(manifest, service.url, limits__concurrency=1)
        charged = [float(charge.usd) for charge in service.bill.charges]
    records = read_index(tmp_path / "out")
    assert [record["status"] for record in records] == ["ok", "ok"]
    unknown_usd = sum(charged) - sum(record["cost_usd"] for record in records)
    doubts = [attempt for record in records for attempt in record["in_doubt_ids"]]
    in_doubt_usd = charged[0] if doubts and len(charged) == 3 else 0
    assert unknown_usd == pytest.approx(in_doubt_usd, abs=1e-9)


async def test_a_blocked_row_is_blocked_and_what_it_cost_is_kept(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", ["a fox", "BLOCKME now"])
    async with gemini() as service:
        await run(manifest, service.url)
        arrivals = len(service.bill.arrivals)
        await run(manifest, service.url)
        assert len(service.bill.arrivals) == arrivals == 2, "it is not asked again"
        charged = float(service.bill.charged_usd)
    records = {record["row_id"]: record for record in read_index(tmp_path / "out")}
    assert (records["row-0"]["status"], records["row-1"]["status"]) == ("ok", "blocked")
    assert records["row-0"]["model"] == MODEL
    assert records["row-0"]["served_model"] == MODEL
    assert "SAFETY: Unable to show" in records["row-1"]["error_message"]
    assert records["row-1"]["cost_usd"] > 0
    assert sum(record["cost_usd"] for record in records.values()) == pytest.approx(charged)


async def test_the_budget_holds_where_only_the_answer_tells_the_cost(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(20)])
    async with gemini() as service:
        summary = await run(manifest, service.url, limits__max_cost_usd=0.2)
        assert 0.14 < float(service.bill.charged_usd) <= 0.2
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.BUDGET


async def test_a_quota_of_a_day_stops_its_rows_and_no_others(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    rows = [
        f"{provider}-{number},a fox {number},{model}"
        for number in range(4)
        for provider, model in (("gemini", f"gemini/{MODEL}"), ("imagen", IMAGEN))
    ]
    manifest.write_text("\n".join(["id,prompt,model", *rows]))
    other_settings = SimulatorSettings(image_content=ImageContent.SMALL)
    async with gemini(requests_per_window=2, window_s=86_400) as service, Simulator(other_settings) as other:
        watcher = Watcher()
        summary = await run(manifest, service.url, watcher, api__base_url=other.url)
        statuses = Counter((record["provider"], record["status"]) for record in read_index(tmp_path / "out"))
        assert statuses == {("gemini", "ok"): 2, ("aimlapi", "ok"): 4}, "no row is blamed, the others are made"
        assert summary.stop is not None
        assert summary.stop.kind is StopKind.ACCOUNT, "rows are left: exit code 4"
        assert "When the quota is renewed" in summary.stop.message
        service.change(requests_per_window=None)
        await run(manifest, service.url, api__base_url=other.url)
        assert Counter(record["status"] for record in read_index(tmp_path / "out")) == {"ok": 8}


async def test_a_quota_of_a_minute_is_waited_for_as_long_as_the_service_says(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(6)])
    async with gemini(requests_per_window=3, window_s=1.0) as service:
        summary = await run(manifest, service.url)
        assert summary.stop is None
        assert Counter(arrival.outcome for arrival in service.bill.arrivals)["ok"] == 6


def files_with(data: bytes, place: Path) -> list[Path]:
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return [path for path in files if data in path.read_bytes()]


@asynccontextmanager
async def echoing(sent: list[dict[str, str]]) -> AsyncIterator[str]:
    """A service that says the key wherever an answer has room for it."""

    async def handler(request: web.Request) -> web.Response:
        sent.append({name: value for name, value in request.headers.items() if MARK in value})
        if MARK in (elsewhere := request.path_qs + await request.text()):
            sent[-1][""] = elsewhere
        blocked = {"finishReason": "SAFETY", "finishMessage": f"no: {KEY}"}
        spoken = {"content": {"parts": [{"text": f"no: {KEY}"}]}, "finishReason": "STOP"}
        spoilt = {"content": {"parts": [{"inlineData": {"data": KEY}}]}, "finishReason": "STOP"}
        answers = [
            web.Response(body=answer_of(blocked, responseId=KEY)),
            web.Response(body=answer_of(spoken, responseId=KEY)),
            web.Response(body=answer_of(spoilt, responseId=KEY)),
            web.Response(body=f'{{"candidates": "{KEY}"}}'.encode()),
            web.Response(status=400, body=error_of(400, "INVALID_ARGUMENT", f"no: {KEY}")),
        ]
        return answers[len(sent) % len(answers)]

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def test_the_key_goes_in_one_header_and_nowhere_else(tmp_path: Path) -> None:
    sent: list[dict[str, str]] = []
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(6)])
    async with echoing(sent) as url:
        await run(manifest, url, retry__max_attempts=2)
    assert sent
    assert [list(headers) for headers in sent] == [["x-goog-api-key"]] * len(sent)
    assert files_with(MARK.encode(), tmp_path / "m.csv") == []
    assert files_with(MARK.encode(), tmp_path / "out") == []
    assert files_with(b"fox", tmp_path / "out")
    assert MARK not in json.dumps(read_index(tmp_path / "out"))


def test_a_request_is_shown_with_the_variable_in_place_of_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    (tmp_path / "gemini.toml").write_text(CATALOG)
    (tmp_path / "c.toml").write_text(f'models = ["{tmp_path / "gemini.toml"}"]\nmodel = "gemini/{MODEL}"\n')
    manifest = write_manifest(tmp_path / "m.csv", ["a fox"])
    command = ["plan", str(manifest), "-o", str(tmp_path / "out"), "-c", str(tmp_path / "c.toml")]
    assert main([*command, "--show-request", "row-0"]) == 0
    shown = capsys.readouterr().out
    address = f"https://generativelanguage.googleapis.com/v1beta/models/{MODEL}:generateContent"
    assert f"curl -X POST {address}" in shown
    assert '-H "x-goog-api-key: $GEMINI_API_KEY"' in shown
    assert MARK not in shown
