"""A proxy that the environment names is the way out, for calls and for links; certificates may be a company's own."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from providers.conftest import REQUEST, SECRET, Open, Serve, ServeRaw, answer_of, failure, replying
from support.noise import noise

from batchgen.core.answer import Image, Ticket
from batchgen.core.errors import UsageError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.base import Gone

PNG = noise("PNG")
CERTIFICATES = Path(__file__).parent / "certificates"
# Made for this file, of a name that cannot exist: openssl req -x509 -newkey ec -nodes -subj /CN=api.test ...
CERTIFICATE, KEY = CERTIFICATES / "api.test.pem", CERTIFICATES / "key.pem"


class Proxy:
    """A proxy that leads every host, whatever its name, to one server; it remembers what it was told."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        self._target = address.hostname, address.port
        self.heads: list[bytes] = []
        self.seen = b""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        there, back = await asyncio.open_connection(*self._target)
        if head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            back.write(head)
        try:
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        finally:
            back.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.seen += data
            writer.write(data)
        if writer.can_write_eof():
            writer.write_eof()


async def test_calls_and_links_go_through_the_proxy_of_the_environment(
    serve: Serve, serve_raw: ServeRaw, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(await serve(replying(body=answer_of(PNG))))
    monkeypatch.setenv("HTTP_PROXY", await serve_raw(proxy.handle))
    client = await open_client("http://api.test:8080")
    answer = await client.submit(REQUEST, "r-1", lambda: None)
    assert isinstance(answer.slots[0].image, Image)
    assert [head.split(b"\r\n")[0] for head in proxy.heads] == [
        b"POST http://api.test:8080/v1/images/generations HTTP/1.1"
    ]

    images = Proxy(await serve(replying(body=PNG)))
    monkeypatch.setenv("HTTP_PROXY", await serve_raw(images.handle))
    client = await open_client("http://api.test:8080")
    assert isinstance(await client.collect(Ticket("http://cdn.test/a.png")), Image)
    assert images.heads[0].startswith(b"GET http://cdn.test/a.png HTTP/1.1")
    assert SECRET.encode() not in images.heads[0]


async def serve_tls(stack: AsyncExitStack) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", replying(body=answer_of(PNG)))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    host, port = runner.addresses[0][:2]
    return f"https://{host}:{port}"


async def test_a_tunnel_hides_the_key_from_the_proxy(
    cleanup: AsyncExitStack, serve_raw: ServeRaw, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(await serve_tls(cleanup))
    address = (await serve_raw(proxy.handle)).replace("http://", "http://user:pass@")
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    answer = await (await open_client("https://api.test")).submit(REQUEST, "r-1", lambda: None)
    assert isinstance(answer.slots[0].image, Image)
    (head,) = proxy.heads
    assert head.startswith(b"CONNECT api.test:443 HTTP/1.1")
    assert b"Proxy-Authorization: Basic " in head
    assert SECRET.encode() not in head + proxy.seen


async def test_a_certificate_that_nobody_vouches_for_says_which_variable_matters(
    cleanup: AsyncExitStack, serve_raw: ServeRaw, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", await serve_raw(Proxy(await serve_tls(cleanup)).handle))
    error = await failure(await open_client("https://api.test"))
    assert error.kind is ErrorKind.UNREACHABLE
    assert "SSL_CERT_FILE" in error.message


async def test_a_proxy_that_refuses_is_named_and_nothing_was_sent(
    serve_raw: ServeRaw, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    monkeypatch.setenv("HTTPS_PROXY", (await serve_raw(refuse)).replace("http://", "http://user:s3cret-word@"))
    error = await failure(await open_client("https://api.test"))
    assert error.kind is ErrorKind.UNREACHABLE
    assert "the proxy 127.0.0.1:" in error.message
    assert "407 Who are you" in error.message
    assert "s3cret" not in error.message


async def test_a_link_to_a_private_address_is_not_given_to_a_proxy(
    serve: Serve, serve_raw: ServeRaw, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(await serve(replying(body=PNG)))
    monkeypatch.setenv("HTTP_PROXY", await serve_raw(proxy.handle))
    client = await open_client("http://api.test")
    for host in ("169.254.169.254", "10.0.0.7", "[fd00::1]"):
        assert isinstance(await client.collect(Ticket(f"http://{host}/a.png")), Gone)
    assert proxy.heads == []


@pytest.fixture
def dead_end(free_port: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A proxy that nobody is at."""
    monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{free_port}")
    return free_port


async def test_this_machine_and_what_no_proxy_names_are_asked_directly(
    dead_end: int, serve: Serve, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await serve(replying(body=answer_of(PNG)))
    assert (await (await open_client(url)).submit(REQUEST, "r-1", lambda: None)).slots
    error = await failure(await open_client("http://api.test"))
    assert f"the proxy 127.0.0.1:{dead_end}" in error.message
    monkeypatch.setenv("NO_PROXY", "api.test")
    error = await failure(await open_client("http://api.test"))
    assert "the proxy" not in error.message
    assert "HTTPS_PROXY" in error.message  # the name is not found: a proxy may be what is missing


async def test_proxies_can_be_turned_off(dead_end: int, open_client: Open) -> None:
    error = await failure(await open_client("http://api.test", proxy=False))
    assert str(dead_end) not in error.message


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "ALL_PROXY names a proxy of the kind socks5"),
        ("REQUESTS_CA_BUNDLE", "/no/such/file.pem", "/no/such/file.pem"),
    ],
)
async def test_what_cannot_be_used_is_said_before_anything_is_sent(
    open_client: Open, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=said):
        await open_client("http://api.test")
