"""A service that is described in twenty lines of TOML is drawn at over a real socket; its costs and refusals count."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from support.batches import QUICK, Watcher, read_index, write_manifest
from support.making import image

from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection

KEY = "studio-secret-of-a-test"
CONFIG = """\
model = "studio/painter"
models = ["painter.toml"]
preflight = false

[providers.studio]
kind = "http"
base_url = "URL"
[providers.studio.wire]
path = "/draw/{model}"
key_header = "X-Studio-Key"
key_scheme = ""
items = "pictures"
base64 = "bytes"
error = "trouble"
cost = "cents"
cost_unit_usd = 0.01
meanings = { "out of paint" = "no_credits" }
"""
MODEL = """\
name = "painter"
provider = "studio"
[fields.prompt]
type = "string"
path = "words"
[fields.num_images]
type = "integer"
min = 1
max = 4
default = 1
path = "how.many"
"""


class Studio:
    """A service like no other."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []
        self.paint = 1000

    async def draw(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Studio-Key") != KEY:
            return web.json_response({"message": "who are you?"}, status=401)
        body = await request.json()
        if not self.paint:
            return web.json_response({"trouble": "we are out of paint"})
        self.paint -= 1
        self.asked.append(body)
        many = body.get("how", {}).get("many", 1)
        pictures = [{"bytes": base64.b64encode(image(len(self.asked) * 10 + one).data).decode()} for one in range(many)]
        return web.json_response({"pictures": pictures, "cents": 3 * many})


@pytest.fixture
async def studio() -> AsyncIterator[tuple[Studio, str]]:
    studio, app = Studio(), web.Application()
    app.router.add_post("/draw/painter", studio.draw)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield studio, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def run(folder: Path, manifest: Path, url: str) -> RunSummary:
    (folder / "painter.toml").write_text(MODEL)
    (folder / "c.toml").write_text(CONFIG.replace("URL", url))
    loaded = load_config(folder / "c.toml", given=QUICK)
    job = make_job(open_manifest(str(manifest)), loaded, folder / "out", Selection())
    return await run_job(job, Keyring({"STUDIO_API_KEY": KEY}), Watcher(), StopSignal())


async def test_a_service_like_no_other_is_drawn_at(tmp_path: Path, studio: tuple[Studio, str]) -> None:
    service, url = studio
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(5)], num_images=2)
    service.paint = 3
    stopped = await run(tmp_path, manifest, url)
    assert stopped.stop is not None
    assert "out of paint" in stopped.stop.message
    service.paint = 1000
    assert (await run(tmp_path, manifest, url)).stop is None
    assert Counter(str(body["words"]) for body in service.asked) == {f"a fox {number}": 1 for number in range(5)}
    assert service.asked[0]["how"] == {"many": 2}
    records = read_index(tmp_path / "out")
    assert [(record["status"], record["cost_usd"]) for record in records] == [("ok", 0.03)] * 10
