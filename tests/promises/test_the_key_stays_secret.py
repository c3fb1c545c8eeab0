"""P8: the API key is in the environment and in one header. Nowhere else, whatever goes wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from aiohttp import web

from batchgen.simulator import Fault

if TYPE_CHECKING:
    from tests.conftest import Simulate, WriteManifest

# Characters that change when they are quoted, escaped or encoded.
KEY = "sk-MARKED/4f0c+key=%7E~"
FORMS = {KEY.encode(), quote(KEY).encode(), quote(KEY, safe="").encode(), repr(KEY)[1:-1].encode(), b"MARKED"}
ROWS = [{"id": f"r{number}", "prompt": f"fox {number}", "num_images": 1 + number % 4} for number in range(40)]


def batchgen(folder: Path, *arguments: str) -> bytes:
    """Run a command with the marked key; return all that it said."""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "batchgen", *arguments],
        cwd=folder,
        env=os.environ | {"AIMLAPI_API_KEY": KEY},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()
    return ended.stdout + ended.stderr


def assert_secret(folder: Path, said: bytes) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "events.jsonl" for path in files), "the run has written what it did"
    everything = {str(path): path.read_bytes() for path in files} | {"output": said}
    leaks = [name for name, content in everything.items() for form in FORMS if form in content]
    assert leaks == []
    assert not [path for path in files if "MARKED" in path.name]


@pytest.mark.parametrize("transport", ["base64", "url"])
def test_the_key_is_in_no_file_and_no_output_of_a_run_where_everything_goes_wrong(
    simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path, transport: str
) -> None:
    kinds = "bad_request server_error bad_gateway unavailable conflict reset reset_early truncated_body broken_json"
    more = "broken_base64 broken_image html_200 fewer_images no_image late_cdn gone_cdn"
    faults = tuple(Fault.parse(f"{kind}=0.05") for kind in f"{kinds} {more}".split())
    simulator = simulate(key=KEY, faults=faults, retry_after_s=0, late_fetches=1)
    (tmp_path / "c.toml").write_text(
        f'image_transport = "{transport}"\n[retry]\nbackoff_base_s = 0.01\n[api]\ndownload_attempts = 1\n'
    )
    write_manifest([*ROWS, {"id": "wrong", "prompt": "a bat", "seed": "-1"}])
    run = ["run", "m.csv", "-o", "out", "-c", "c.toml", "--base-url", simulator.url, "--rpm", "60000"]
    said = batchgen(tmp_path, *run, "--json")
    simulator.change(faults=(Fault.parse("bad_key@1-"),))
    said += batchgen(tmp_path, *run, "--retry", "failed,blocked")
    said += batchgen(tmp_path, "status", "out") + batchgen(tmp_path, "run", "--show-config")
    assert {arrival.outcome for arrival in simulator.bill.arrivals} > {"ok", "reset", "bad_request", "broken_json"}
    assert simulator.cdn.violations == (), "whoever fetches a link shows no key"
    assert_secret(tmp_path, said)


async def echo(request: web.Request) -> web.Response:
    """A service that says the key back, in every place where it can: in words, headers and links."""
    shown = request.headers.get("Authorization", "")
    message = f"invalid key {shown} at {quote(shown)}"
    headers = {"x-inference-id": shown, "X-Request": shown}
    if request.path.endswith("generations") and "r1 " in await request.text():
        return web.json_response({"data": [{"url": f"http://127.0.0.1:1/{quote(shown)}"}]}, headers=headers)
    return web.json_response({"message": message, "statusCode": 400}, status=400, headers=headers)


async def test_a_service_that_says_the_key_back_is_not_quoted(write_manifest: WriteManifest, tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        write_manifest([{"id": f"r{number}", "prompt": f"r{number} fox"} for number in range(3)])
        (tmp_path / "c.toml").write_text("[api]\ndownload_attempts = 1\n")
        run = ["run", "m.csv", "-o", "out", "-c", "c.toml", "--base-url", f"http://{host}:{port}", "--rpm", "60000"]
        said = await asyncio.to_thread(batchgen, tmp_path, *run)
        said += await asyncio.to_thread(batchgen, tmp_path, "status", "out")
    finally:
        await runner.cleanup()
    assert b"invalid key" in said, "the service's words are shown, without the key"
    assert_secret(tmp_path, said)
