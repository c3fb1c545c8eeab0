"""A link is fetched without the key, and never into the private network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from support.noise import noise

from batchgen.config.settings import HttpSettings
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.download import (
    MAX_REDIRECTS,
    Downloader,
    RefusedLinkError,
)
from batchgen.providers.http.provider import HttpProvider
from batchgen.providers.http.reader_pool import ReaderPool

from .conftest import REQUEST, Open, Serve, ServeRaw, answer_of, read_request, replying

PNG = noise()


def downloader_of(client: HttpProvider) -> Downloader:
    return client._downloader


async def test_a_link_gives_the_image_untouched(serve: Serve, open_client: Open) -> None:
    base_url = await serve(replying(body=PNG, Content_Type="text/plain"))
    image = await downloader_of(await open_client(base_url)).download(f"{base_url}/generations/1.jpg?sig=a%2Fb")
    assert image.data == PNG
    assert image.mime_type == "image/png"


SIGNED = ["/a%28b%29.png?Signature=rX%2FXCC2w%3D", "/a.png?type=image%2Fpng&sig=q%2Bz+k", "/a.png?acl=%2f*~hmac=0",
          "/a.png?by=a%40b.iam%2F2026&sig=%7e!$'()*,;:@|", "/a//b.png", "/%zz.png?100%"]  # fmt: skip


@pytest.mark.parametrize("target", SIGNED)
@pytest.mark.parametrize("way", ["/signed", "/redirected"])
async def test_a_signed_link_arrives_byte_for_byte(
    serve_raw: ServeRaw, open_client: Open, target: str, way: str
) -> None:
    asked = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await read_request(reader)).split(b" ")[1].decode())
        if asked[-1] == "/redirected":
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(PNG), PNG))
        await writer.drain()

    base_url = await serve_raw(handler)
    link = f"{base_url}{target if way == '/signed' else way}"
    assert (await downloader_of(await open_client(base_url)).download(link)).data == PNG
    assert asked[-1] == target


async def test_the_key_and_cookies_never_go_along_with_a_download(serve: Serve, open_client: Open) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers)
        headers = {"Set-Cookie": "session=1; Path=/"}
        if request.method == "POST":
            return web.Response(body=answer_of(PNG), headers=headers)
        if request.path == "/first":
            return web.Response(status=302, headers={**headers, "Location": "/second"})
        return web.Response(body=PNG, headers=headers)

    base_url = (await serve(handler)).replace("127.0.0.1", "localhost")
    client = await open_client(base_url)
    await client.submit(REQUEST, "r-1", lambda: None)
    await downloader_of(client).download(f"{base_url}/first")
    assert "Authorization" in seen[0]
    assert len(seen) == 3
    for headers in seen[1:]:
        assert "Authorization" not in headers
        assert "Cookie" not in headers


async def test_redirects_are_followed_a_few_times(serve: Serve, open_client: Open) -> None:
    async def countdown(request: web.Request) -> web.Response:
        left = int(request.path[1:])
        return web.Response(status=307, headers={"Location": f"{left - 1}"}) if left else web.Response(body=PNG)

    base_url = await serve(countdown)
    client = await open_client(base_url)
    assert (await downloader_of(client).download(f"{base_url}/{MAX_REDIRECTS}")).data == PNG
    with pytest.raises(RefusedLinkError, match="more than 5 times"):
        await downloader_of(client).download(f"{base_url}/{MAX_REDIRECTS + 1}")


LINKS_NOT_FOLLOWED = [
    ("ftp://host/1.png", "neither http nor https"),
    ("file:///etc/passwd", "neither http nor https"),
    ("data:image/png;base64,aaaa", "neither http nor https"),
    ("/generations/1.png", "neither http nor https"),
    ("", "neither http nor https"),
    ("https://user:hunter2@host/1.png", "user name or password"),
    ("https:///1.png", "no host"),
    ("https://a..b/1.png", "no host"),
    ("https://ho st/1.png", "no host"),
    ("https://host:99999/1.png", "cannot be read"),
    ("http://xn--a/1.png", "cannot be read"),
    ("http://xn--/1.png", "cannot be read"),
    ("http://[::1/1.png", "cannot be read"),
    ("http://2130706433/1.png", "hides it"),
    ("http://127.1/1.png", "hides it"),
    ("http://169.254.169.254/latest/meta-data", "private or reserved"),
    ("http://[::ffff:169.254.169.254]/", "private or reserved"),
    ("http://0.0.0.0/1.png", "private or reserved"),
    ("http://[fe80::1]/1.png", "private or reserved"),
    ("http://224.0.0.1/1.png", "private or reserved"),
]


@pytest.mark.parametrize(("url", "words"), LINKS_NOT_FOLLOWED)
async def test_a_link_that_must_not_be_followed_is_refused(
    serve: Serve, open_client: Open, url: str, words: str
) -> None:
    client = await open_client(await serve(replying(body=PNG)))
    with pytest.raises(RefusedLinkError, match=words) as caught:
        await downloader_of(client).download(url)
    assert caught.value.kind is ErrorKind.NOT_FETCHED
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("url", "words"), [case for case in LINKS_NOT_FOLLOWED if "://" in case[0]])
async def test_a_redirect_is_checked_as_the_link_was(serve: Serve, open_client: Open, url: str, words: str) -> None:
    base_url = await serve(replying(302, Location=url))
    with pytest.raises(RefusedLinkError, match=words):
        await downloader_of(await open_client(base_url)).download(base_url)


@pytest.fixture
async def public_downloader() -> AsyncIterator[Downloader]:
    """A downloader whose API is on the internet (an address, so that nothing is looked up)."""
    downloader = Downloader(HttpSettings(), "1.1.1.1", 4, ReaderPool())
    yield downloader
    await downloader.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"])
async def test_an_api_on_the_internet_cannot_point_into_the_private_network(
    serve: Serve, public_downloader: Downloader, host: str
) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(body=PNG)

    with pytest.raises(ProviderError, match="private or reserved") as caught:
        await public_downloader.download((await serve(handler)).replace("127.0.0.1", host))
    assert caught.value.kind is ErrorKind.NOT_FETCHED
    assert seen == []


async def test_an_unknown_api_host_allows_nothing_private(serve: Serve) -> None:
    downloader = Downloader(HttpSettings(), "nowhere.invalid", 4, ReaderPool())
    try:
        with pytest.raises(RefusedLinkError):
            await downloader.download(await serve(replying(body=PNG)))
    finally:
        await downloader.aclose()


# Failures


@pytest.mark.parametrize("status", [403, 404, 410, 429, 500, 503, 204, 304])
async def test_a_link_that_fails_is_not_fetched_with_status_and_wait(
    serve: Serve, open_client: Open, status: int
) -> None:
    base_url = await serve(replying(status, Retry_After="4"))
    with pytest.raises(ProviderError) as caught:
        await downloader_of(await open_client(base_url)).download(base_url)
    error = caught.value
    assert (error.kind, error.http_status, error.retry_after_s) == (ErrorKind.NOT_FETCHED, status, 4.0)


@pytest.mark.parametrize("body", [b"", b"<html>not ready</html>", PNG[:-3]])
async def test_what_came_whole_and_is_no_image_is_a_bad_image(serve: Serve, open_client: Open, body: bytes) -> None:
    base_url = await serve(replying(body=body))
    with pytest.raises(ProviderError) as caught:
        await downloader_of(await open_client(base_url)).download(base_url)
    assert caught.value.kind is ErrorKind.BAD_IMAGE


async def test_a_file_above_the_cap_is_not_fetched(serve: Serve, serve_raw: ServeRaw, open_client: Open) -> None:
    async def endless(reader, writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    for base_url in (await serve(replying(body=b" " * 200_000)), await serve_raw(endless)):
        client = await open_client(base_url, max_image_bytes=100_000)
        with pytest.raises(ProviderError, match=r"more than the 100,000( bytes)? allowed") as caught:
            await downloader_of(client).download(base_url)
        assert caught.value.kind is ErrorKind.NOT_FETCHED


async def test_a_download_that_breaks_off_stalls_or_finds_nobody_is_not_fetched(
    serve_raw: ServeRaw, open_client: Open, free_port: int
) -> None:
    async def cut(reader, writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + PNG[:50])
        await writer.drain()

    async def stall(reader, writer) -> None:
        await reader.read()

    for base_url, words in (
        (await serve_raw(cut), "before all of the image"),
        (await serve_raw(stall), "in time"),
        (f"http://127.0.0.1:{free_port}", "no connection to 127.0.0.1"),
    ):
        client = await open_client(base_url, download_timeout_s=0.3)
        with pytest.raises(ProviderError, match=words) as caught:
            await downloader_of(client).download(base_url)
        assert caught.value.kind is ErrorKind.NOT_FETCHED
