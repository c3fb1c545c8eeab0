"""The command that is shown for a call leads where the call goes."""

from __future__ import annotations

import pytest
from aiohttp import web

from batchgen.providers.base import HttpCall
from batchgen.providers.http.curl import as_curl

from .conftest import Open, Serve


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/", "/gateway", "/gateway/v1"])
async def test_the_shown_address_is_the_one_that_is_asked(serve: Serve, open_client: Open, base: str) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(str(request.url))
        return web.Response(body=b"{}")

    url = await serve(handler) + base
    call = HttpCall("POST", "/v1/images/generations")
    await (await open_client(url))._transport.call(call)
    assert as_curl(call, url, "KEY").splitlines()[0] == f"curl -X POST {seen[0]} \\"
