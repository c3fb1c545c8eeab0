"""Prompts, ids, columns and answers are untrusted: none leaves the folder, goes astray or commands a terminal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from aiohttp import web
from support.batches import read_index, run_batch, write_manifest
from support.misfortune import ENDINGS

from batchgen.cli.main import main
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.simulator import Simulator, SimulatorThread

PATHS = ["../../escaped", "/etc/passwd", "..\\..\\escaped", "images/../../escaped", "C:\\escaped", "a/../../b\x00c"]
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u2066\u200b\r"


def files_outside(out: Path, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(out)]


async def test_no_name_from_a_manifest_leaves_the_folder(tmp_path: Path) -> None:
    manifest = tmp_path / "in" / "m.csv"
    manifest.parent.mkdir()
    rows = "".join(f'"{path}","{path}","{path}","{path}"\n' for path in PATHS if "\x00" not in path)
    manifest.write_text("prompt,file_name,path,manifest_file_name\n" + rows)
    out = tmp_path / "deep" / "er" / "out"
    async with Simulator(ENDINGS) as simulator:
        await run_batch(manifest, out, simulator.url)
        await run_batch(manifest, out, simulator.url, image_transport="url")
    assert len(read_index(out)) == len(PATHS) - 1
    assert files_outside(out, tmp_path) == [manifest]
    for record in read_index(out):
        assert (out / record["file_name"]).resolve().is_relative_to(out.resolve() / "images")


@asynccontextmanager
async def linking_to(links: list[str]) -> AsyncIterator[tuple[str, list[str]]]:
    """A service whose answers hold these links, one a request; and what it was asked for."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.method == "POST":
            link = links[sum(path == request.path for path in asked) - 1]
            return web.json_response({"data": [{"url": link}]}, headers={"x-aimlapi-usd-spent": "0.04"})
        if request.path == "/redirects-to-no-name":
            return web.Response(status=302, headers={"Location": "http://xn--a/x.png"})
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        links[:] = [link.replace("SELF", url) for link in links]
        yield url, asked
    finally:
        await runner.cleanup()


async def test_no_link_reaches_what_links_may_not_reach_and_what_was_paid_is_kept(tmp_path: Path) -> None:
    links = [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://user:password@127.0.0.1/",
        "http://2130706433/",
        "http://xn--a/x.png",
        "http://[::1/x.png",
        "http://a\u3002\u3002b/x.png",
        "SELF/redirects-to-no-name",
        "SELF/redirects-there",
        "\x1b[2J",
    ]
    manifest, out = (
        write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(len(links))]),
        tmp_path / "out",
    )
    async with linking_to(links) as (url, asked):
        for _ in range(2):  # the second run buys nothing either
            await run_batch(manifest, out, url, image_transport="url", preflight=False, limits__concurrency=1)
            assert sum(path.endswith("/generations") for path in asked) == len(links)
    records = read_index(out)
    assert {(record["status"], record["error_kind"]) for record in records} == {(Status.FAILED, ErrorKind.NOT_FETCHED)}
    assert all("link" in record["error_message"] for record in records)
    assert sum(record["cost_usd"] for record in records) == pytest.approx(0.04 * len(links))
    assert not (out / "images").exists() or not any((out / "images").rglob("*.*"))


class Shouting(BaseHTTPRequestHandler):
    """Answers everything with an error full of escapes."""

    def do_POST(self) -> None:
        body = json.dumps({"message": f"no {ESCAPES}"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def shouting() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shouting)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_nothing_that_is_printed_commands_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-0123456789")
    manifest = tmp_path / "m.csv"
    odd = f'"{ESCAPES}"'
    rows = [f"row-1,{odd},7,1:1", f"row-2,fox,{odd},1:1", f"{odd},fox,7,{odd}", "row-4,fox,7,1:1"]
    manifest.write_text("\n".join(["id,prompt,seed,aspect_ratio", *rows]), newline="")
    out = str(tmp_path / "out")
    with shouting() as url, SimulatorThread(ENDINGS) as simulator:
        for base_url in (url, simulator.url):
            run = ["run", str(manifest), "-o", out, "--base-url", base_url, "--rpm", "6000"]
            for command in (
                *(["check", str(manifest), "--format", form] for form in ("text", "json", "github")),
                ["plan", str(manifest), "-o", out],
                ["plan", str(manifest), "-o", out, "--json"],
                run,
                [*run, "--json", "--retry", "failed"],
                ["status", out],
                ["status", out, "--json"],
                ["status", out, "--watch"],
                ["verify", out],
                ["reconcile", out, "--base-url", base_url],
            ):
                main(command)
    printed = capfd.readouterr()
    assert "owned" in printed.out
    assert "owned" in printed.err
    assert {character for character in printed.out + printed.err if not character.isprintable()} == {"\n"}
