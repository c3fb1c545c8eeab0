"""P7 for an image that its service calls unsafe: blocked and never ok, with its bytes and its cost kept."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.noise import noise

import batchgen
from batchgen.dataset.read.snapshot import latest, open_layout

PNG = noise()
SEED = 3544609846964942300  # more than a float can tell from its neighbours
Serve = Callable[[dict[str, Any]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve one answer to every request for images, with a cost; and a black image behind a link."""
    runners: list[web.AppRunner] = []

    async def start(answer: dict[str, Any]) -> str:
        async def generate(request: web.Request) -> web.Response:
            links = {"url": f"http://{request.host}/black.png"}
            items = [item if "b64_json" in item else item | links for item in answer["images"]]
            return web.json_response(answer | {"images": items}, headers={"x-aimlapi-usd-spent": "0.08"})

        async def black(request: web.Request) -> web.Response:
            return web.Response(body=PNG, content_type="image/png")

        app = web.Application()
        app.router.add_post("/v1/images/generations", generate)
        app.router.add_get("/black.png", black)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def run(url: str, out: Path) -> list[dict[str, Any]]:
    settings = {"api.base_url": url, "preflight": False, "model": "flux-2", "limits.requests_per_minute": 60_000}
    rows = [{"id": "fox", "prompt": "a fox", "num_images": 2, "seed": SEED}]
    await batchgen.run(rows, out, settings=settings, key="k", progress=False)
    columns = ["status", "error_kind", "error_message", "cost_usd", "seed", "enhanced_prompt", "file_name"]
    return [row for table in latest(open_layout(out), columns) for row in table.to_pylist()]


@pytest.mark.parametrize("form", ["base64", "link"])
async def test_a_flagged_image_is_blocked_and_what_came_of_it_is_kept(serve: Serve, tmp_path: Path, form: str) -> None:
    item = {"b64_json": base64.b64encode(PNG).decode()} if form == "base64" else {"width": 8}
    url = await serve(
        {"images": [item, item], "has_nsfw_concepts": [False, True], "seed": SEED, "prompt": "a red fox", "timings": {}}
    )
    good, bad = await run(url, tmp_path / "out")
    assert (good["status"], bad["status"], bad["error_kind"]) == ("ok", "blocked", "safety")
    assert "has_nsfw_concepts" in bad["error_message"]
    assert (good["cost_usd"], bad["cost_usd"]) == (0.04, 0.04)
    assert (good["enhanced_prompt"], good["seed"]) == ("a red fox", SEED)
    assert bad["file_name"] is None
    assert (tmp_path / "out" / bad["error_message"].rpartition(" in ")[2]).read_bytes() == PNG


async def test_one_whose_every_image_is_flagged_is_not_asked_for_again(serve: Serve, tmp_path: Path) -> None:
    item = {"b64_json": base64.b64encode(PNG).decode(), "content_violation": True}
    url = await serve({"images": [item, item], "prompt": "a fox"})
    records = await run(url, tmp_path / "out")
    assert [record["status"] for record in records] == ["blocked", "blocked"]
    assert sum(record["cost_usd"] for record in records) == pytest.approx(0.08)
    assert {record["enhanced_prompt"] for record in records} == {None}
