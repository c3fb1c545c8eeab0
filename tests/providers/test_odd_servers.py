"""Servers in the house and gateways: long headers, no key, an address that leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from providers.conftest import REQUEST, Open, Serve, answer_of, failure, replying
from support.batches import run_batch, write_manifest
from support.noise import noise

from batchgen.config.load import load_config
from batchgen.core.answer import Image
from batchgen.core.errors import ApiKeyError
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.engine.accounts import Keyring

PNG = noise("PNG")


async def test_an_answer_with_headers_of_64_kilobytes_is_read(serve: Serve, open_client: Open) -> None:
    client = await open_client(await serve(replying(body=answer_of(PNG), X_Trace="t" * 60_000)))
    answer = await client.submit(REQUEST, "r-1", lambda: None)
    assert isinstance(answer.slots[0].image, Image)


async def test_a_link_may_be_served_with_long_headers(serve: Serve, open_client: Open) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.Response(body=PNG, headers={"Content-Security-Policy": "c" * 60_000})
        return web.json_response({"data": [{"url": f"{request.url.origin()}/a.png"}]})

    client = await open_client(await serve(handler))
    (slot,) = (await client.submit(REQUEST, "r-1", lambda: None)).slots
    assert isinstance(await client.collect(slot.image), Image)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [404, 405])
async def test_an_address_that_is_not_there_is_named(serve: Serve, open_client: Open, status: int) -> None:
    url = await serve(replying(status, b'{"error": {"message": "no such endpoint"}}'))
    error = await failure(await open_client(f"{url}/proxy/v1"))
    assert error.kind is ErrorKind.NOT_FOUND
    assert error.message == f"{url}/proxy/v1/images/generations: no such endpoint"


async def test_a_server_that_asks_for_no_key_needs_none(serve: Serve, tmp_path: Path) -> None:
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(body=answer_of(PNG), content_type="application/json")

    url = await serve(handler)
    summary = await run_batch(write_manifest(tmp_path / "m.csv", ["a fox"]), tmp_path / "out", url, key=None)
    assert summary.progress.slots[Status.OK] == 1
    assert seen
    assert not any("Authorization" in request.headers for request in seen)


@pytest.mark.parametrize("settings", [{}, {"providers.aimlapi.key_variable": "MY_KEY", "api.base_url": "http://[::1]"}])
def test_the_service_itself_and_a_variable_that_is_named_need_a_key(settings: dict[str, str]) -> None:
    with pytest.raises(ApiKeyError, match="No API key found"):
        Keyring({}).key("aimlapi", load_config(given=settings).config)


def test_a_key_that_is_there_is_sent_wherever_the_service_is() -> None:
    config = load_config(given={"api.base_url": "http://127.0.0.1:9"}).config
    assert Keyring({"AIMLAPI_API_KEY": "sk-0123456789"}).key("aimlapi", config).is_set
    assert not Keyring({"AIMLAPI_API_KEY": " "}).key("aimlapi", config).is_set
