"""What was paid for and cannot be read lies in the dataset, where the index says, before it is bought again."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.batches import read_index, run_batch, write_manifest
from support.folder_layout import FolderLayout
from support.misfortune import ENDINGS
from support.noise import noise

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.dataset import unreadable
from batchgen.dataset.read.summary import summarise
from batchgen.dataset.repair.verify import verify
from batchgen.simulator import Fault, Simulator

KEPT = ".batchgen/unreadable"
Answer = Callable[[int, web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """A service whose n-th answer is that of `answer`; the file behind its link is the answer of number 0."""
    asked = 0

    async def generate(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return await answer(asked, request)

    async def file(request: web.Request) -> web.Response:
        return await answer(0, request)

    app = web.Application()
    app.router.add_post("/v1/images/generations", generate)
    app.router.add_get("/kept.jxl", file)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def run(tmp_path: Path, url: str, rows: int = 1, **changes: Any) -> Path:
    manifest, out = write_manifest(tmp_path / "m.csv", [f"a hare {n}" for n in range(rows)]), tmp_path / "out"
    await run_batch(manifest, out, url, preflight=False, **{"api__download_attempts": 1, **changes})
    return out


def named_in(record: dict[str, str], out: Path) -> bytes:
    """What lies where the record's message says."""
    assert f"its bytes are in {KEPT}/" in record["error_message"]
    name = record["error_message"].rpartition("its bytes are in ")[2]
    return (out / name).read_bytes()


IMAGE = json.dumps({"data": [{"b64_json": base64.b64encode(noise()).decode()}]}).encode()


@pytest.mark.parametrize("packing", [None, "lzma"])
async def test_a_body_in_no_known_form_is_on_disk_when_the_next_attempt_comes(
    tmp_path: Path, packing: str | None
) -> None:
    body = b"<picture>\x00\xff</picture>"
    seen: list[list[bytes]] = []

    async def answer(number: int, request: web.Request) -> web.Response:
        seen.append([path.read_bytes() for path in (tmp_path / "out" / KEPT).glob("*")])
        headers = {"Content-Encoding": packing} if packing else {}
        return web.Response(body=body, headers=headers) if number < 3 else web.Response(body=IMAGE)

    async with serving(answer) as url:
        out = await run(tmp_path, url)
    assert seen == [[], [body], [body, body]]
    (record,) = read_index(out)
    assert record["status"] == Status.OK
    names = {path.name for path in (out / KEPT).iterdir()}
    request = record["client_request_id"].removesuffix(".3")
    assert names == {f"{request}.1.bin", f"{request}.2.bin"}, "named by attempt"


async def test_the_index_says_where_the_last_answer_is(tmp_path: Path) -> None:
    async def answer(number: int, request: web.Request) -> web.Response:
        return web.Response(body=b"no. %d of nothing" % number)

    async with serving(answer) as url:
        out = await run(tmp_path, url, retry__max_attempts=2)
    (record,) = read_index(out)
    assert record["status"] == Status.IN_DOUBT, "nothing says what it cost"
    assert named_in(record, out) == b"no. 2 of nothing"
    layout = FolderLayout(out)
    assert list(verify(layout)) == []
    assert summarise(layout).in_doubt_ids == list(record["in_doubt_ids"])


async def test_what_came_instead_of_an_image_is_kept_beside_its_neighbours(tmp_path: Path) -> None:
    spoilt = [noise()[:-5], b"\xff\x0a a picture of a format to come"]

    async def answer(number: int, request: web.Request) -> web.Response:
        images = [noise(), *spoilt]
        return web.json_response({"data": [{"b64_json": base64.b64encode(image).decode()} for image in images]})

    async with serving(answer) as url:
        out = await run(tmp_path, url)
    good, *others = sorted(read_index(out), key=lambda record: record["image_number"])
    assert good["status"] == Status.OK
    assert [record["error_kind"] for record in others] == [ErrorKind.BAD_IMAGE] * 2
    assert [named_in(record, out) for record in others] == spoilt


async def test_what_a_link_led_to_is_kept(tmp_path: Path) -> None:
    file = b"\xff\x0a a picture of a format to come"

    async def answer(number: int, request: web.Request) -> web.Response:
        if number:
            return web.json_response({"data": [{"url": f"http://{request.host}/kept.jxl"}]})
        return web.Response(body=file)

    async with serving(answer) as url:
        out = await run(tmp_path, url)
    (record,) = read_index(out)
    assert record["error_kind"] == ErrorKind.NOT_FETCHED
    assert named_in(record, out) == file


async def test_the_key_is_in_no_answer_that_is_kept(tmp_path: Path) -> None:
    key = "sk-kept-nowhere-42"

    async def answer(number: int, request: web.Request) -> web.Response:
        if number % 2:
            return web.Response(body=b"\xff you said " + request.headers["Authorization"].encode())
        return web.json_response({"data": [{"b64_json": base64.b64encode(b"key: " + key.encode()).decode()}]})

    async with serving(answer) as url:
        out = await run(tmp_path, url, rows=2, key=key, retry__max_attempts=2)
    kept = [path.read_bytes() for path in (out / KEPT).iterdir()]
    assert len(kept) >= 2
    assert all(b"[API key]" in data and key.encode() not in data for data in kept)


async def test_a_service_that_says_nothing_else_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unreadable, "MOST_BYTES", 2500)

    async def answer(number: int, request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1000)

    async with serving(answer) as url:
        out = await run(tmp_path, url, retry__max_attempts=4)
    (record,) = read_index(out)
    assert "of such answers enough are kept" in record["error_message"]
    assert len(list((out / KEPT).iterdir())) == 2


@pytest.mark.parametrize("fault", ["broken_json", "broken_image", "broken_base64", "truncated_body"])
async def test_no_answer_that_was_charged_is_thrown_away(tmp_path: Path, fault: str) -> None:
    async with Simulator(replace(ENDINGS, faults=(Fault.parse(f"{fault}=0.3"),))) as simulator:
        out = await run(tmp_path, simulator.url, rows=30, limits__concurrency=4)
        charged = {charge.client_request_id for charge in simulator.bill.charges}
    saved = {record["client_request_id"] for record in read_index(out) if record["status"] == Status.OK}
    kept = {path.name.removesuffix(".bin").removesuffix("-0") for path in (out / KEPT).iterdir()}
    assert kept
    assert charged - saved == kept
