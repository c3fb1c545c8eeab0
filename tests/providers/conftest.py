"""Small real servers on loopback, and real images to serve."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web
from support.providers import open_aimlapi

from batchgen.core.errors import ProviderError
from batchgen.core.request import ImageRequest, SeedSource
from batchgen.providers.http.provider import HttpProvider

REQUEST = ImageRequest(
    fingerprint="0" * 32,
    row_id="cat",
    row_number=0,
    line=2,
    request_number=0,
    num_images=1,
    provider="aimlapi",
    model="m",
    prompt="a cat",
    seed=None,
    seed_source=SeedSource.NONE,
    params={},
    price_usd=None,
)
BODY = b'{"model":"m","prompt":"a cat"}'
OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SECRET = "sk-test/4f0c+marked=key"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Handler], Awaitable[str]]
ServeRaw = Callable[[RawHandler], Awaitable[str]]
Open = Callable[..., Awaitable[HttpProvider]]


def answer_of(*images: bytes, prompt: str | None = None) -> bytes:
    """The body of a successful answer in today's shape."""
    items = [
        {"mime_type": "image/png", "b64_json": base64.b64encode(image).decode(), "prompt": prompt} for image in images
    ]
    return json.dumps({"data": items}).encode()


def replying(status: int = 200, body: bytes = b"", **headers: str) -> Handler:
    """A handler that always gives the same answer; in header names, `_` stands for `-`."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handler


async def failure(client: HttpProvider) -> ProviderError:
    """How one request fails."""
    with pytest.raises(ProviderError) as caught:
        await client.submit(REQUEST, "r-1", lambda: None)
    return caught.value


@pytest.fixture
async def cleanup() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def serve(cleanup: AsyncExitStack) -> Serve:
    """Serve a handler for every path; gives the base URL."""

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        cleanup.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    return start


@pytest.fixture
def serve_raw(cleanup: AsyncExitStack) -> ServeRaw:
    """Serve bytes as a handler writes them, HTTP or not; gives the base URL."""

    @asynccontextmanager
    async def listening(handler: RawHandler) -> AsyncIterator[str]:
        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                return  # the client left first, as some tests want
            finally:
                writer.close()

        server = await asyncio.start_server(connection, "127.0.0.1", 0)
        async with server:
            host, port = server.sockets[0].getsockname()[:2]
            yield f"http://{host}:{port}"

    async def start(handler: RawHandler) -> str:
        return await cleanup.enter_async_context(listening(handler))

    return start


@pytest.fixture
def open_client(cleanup: AsyncExitStack) -> Open:
    """A client for a base URL, with settings overridden by name."""

    async def start(base_url: str, **settings: object) -> HttpProvider:
        client = open_aimlapi(base_url, SECRET, 4, **settings)
        cleanup.push_async_callback(client.aclose)
        return client

    return start


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One HTTP request with its body, off a raw connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    return head + await reader.readexactly(length)


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port of loopback where nobody listens: bound, so that no other process takes it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
