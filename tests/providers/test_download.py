"""A link is fetched with patience, without the key, and never into the private network."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from support.noise import noise

from batchgen.config.settings import ApiSettings
from batchgen.core.answer import Image
from batchgen.core.errors import ApiError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.download import (
    MAX_REDIRECTS,
    RETRY_AFTER_MAX_S,
    RETRY_MAX_S,
    Downloader,
    RefusedLinkError,
    download_with_retries,
    wait_before_retry,
)
from batchgen.providers.http.reader_pool import Readers

from .conftest import REQUEST, Open, Serve, ServeRaw, answer_of, read_request, replying

PNG = noise()


class Waits:
    """Stands in for sleep: remembers how long, and waits not at all."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def test_a_link_gives_the_image_untouched(serve: Serve, open_client: Open):
    base_url = await serve(replying(body=PNG, Content_Type="text/plain"))
    image = await (await open_client(base_url)).download(f"{base_url}/generations/1.jpg?sig=a%2Fb")
    assert image.data == PNG
    assert image.mime_type == "image/png"


async def test_the_key_and_cookies_never_go_along_with_a_download(serve: Serve, open_client: Open):
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
    await client.generate(REQUEST, "r-1", lambda: None)
    await client.download(f"{base_url}/first")
    assert "Authorization" in seen[0]
    assert len(seen) == 3
    for headers in seen[1:]:
        assert "Authorization" not in headers
        assert "Cookie" not in headers


async def test_redirects_are_followed_a_few_times(serve: Serve, open_client: Open):
    async def countdown(request: web.Request) -> web.Response:
        left = int(request.path[1:])
        return web.Response(status=307, headers={"Location": f"{left - 1}"}) if left else web.Response(body=PNG)

    base_url = await serve(countdown)
    client = await open_client(base_url)
    assert (await client.download(f"{base_url}/{MAX_REDIRECTS}")).data == PNG
    with pytest.raises(RefusedLinkError, match="more than 5 times"):
        await client.download(f"{base_url}/{MAX_REDIRECTS + 1}")


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
    ("http://2130706433/1.png", "hides it"),
    ("http://127.1/1.png", "hides it"),
    ("http://169.254.169.254/latest/meta-data", "private or reserved"),
    ("http://[::ffff:169.254.169.254]/", "private or reserved"),
    ("http://0.0.0.0/1.png", "private or reserved"),
    ("http://[fe80::1]/1.png", "private or reserved"),
    ("http://224.0.0.1/1.png", "private or reserved"),
]


@pytest.mark.parametrize(("url", "words"), LINKS_NOT_FOLLOWED)
async def test_a_link_that_must_not_be_followed_is_refused(serve: Serve, open_client: Open, url: str, words: str):
    client = await open_client(await serve(replying(body=PNG)))
    with pytest.raises(RefusedLinkError, match=words) as caught:
        await client.download(url)
    assert caught.value.kind is ErrorKind.NOT_FETCHED
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("url", "words"), [case for case in LINKS_NOT_FOLLOWED if "://" in case[0]])
async def test_a_redirect_is_checked_as_the_link_was(serve: Serve, open_client: Open, url: str, words: str):
    base_url = await serve(replying(302, Location=url))
    with pytest.raises(RefusedLinkError, match=words):
        await (await open_client(base_url)).download(base_url)


@pytest.fixture
async def public_downloader() -> AsyncIterator[Downloader]:
    """A downloader whose API is on the internet (an address, so that nothing is looked up)."""
    async with Downloader(ApiSettings(), "1.1.1.1", 4, Readers()) as downloader:
        yield downloader


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"])
async def test_an_api_on_the_internet_cannot_point_into_the_private_network(
    serve: Serve, public_downloader: Downloader, host: str
):
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(body=PNG)

    with pytest.raises(ApiError, match="private or reserved") as caught:
        await public_downloader.download((await serve(handler)).replace("127.0.0.1", host))
    assert caught.value.kind is ErrorKind.NOT_FETCHED
    assert seen == []


async def test_an_unknown_api_host_allows_nothing_private(serve: Serve):
    async with Downloader(ApiSettings(), "nowhere.invalid", 4, Readers()) as downloader:
        with pytest.raises(RefusedLinkError):
            await downloader.download(await serve(replying(body=PNG)))


# Failures


@pytest.mark.parametrize("status", [403, 404, 410, 429, 500, 503, 204, 304])
async def test_a_link_that_fails_is_not_fetched_with_status_and_wait(serve: Serve, open_client: Open, status: int):
    base_url = await serve(replying(status, Retry_After="4"))
    with pytest.raises(ApiError) as caught:
        await (await open_client(base_url)).download(base_url)
    error = caught.value
    assert (error.kind, error.http_status, error.retry_after_s) == (ErrorKind.NOT_FETCHED, status, 4.0)


@pytest.mark.parametrize("body", [b"", b"<html>not ready</html>", PNG[:-3]])
async def test_what_came_whole_and_is_no_image_is_a_bad_image(serve: Serve, open_client: Open, body: bytes):
    base_url = await serve(replying(body=body))
    with pytest.raises(ApiError) as caught:
        await (await open_client(base_url)).download(base_url)
    assert caught.value.kind is ErrorKind.BAD_IMAGE


async def test_a_file_above_the_cap_is_not_fetched(serve: Serve, serve_raw: ServeRaw, open_client: Open):
    async def endless(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    for base_url in (await serve(replying(body=b" " * 200_000)), await serve_raw(endless)):
        client = await open_client(base_url, max_image_bytes=100_000)
        with pytest.raises(ApiError, match=r"more than the 100,000( bytes)? allowed") as caught:
            await client.download(base_url)
        assert caught.value.kind is ErrorKind.NOT_FETCHED


async def test_a_download_that_breaks_off_stalls_or_finds_nobody_is_not_fetched(
    serve_raw: ServeRaw, open_client: Open, free_port: int
):
    async def cut(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + PNG[:50])
        await writer.drain()

    async def stall(reader, writer):
        await reader.read()

    for base_url, words in (
        (await serve_raw(cut), "before all of the image"),
        (await serve_raw(stall), "in time"),
        (f"http://127.0.0.1:{free_port}", "no connection to 127.0.0.1"),
    ):
        client = await open_client(base_url, download_timeout_s=0.3)
        with pytest.raises(ApiError, match=words) as caught:
            await client.download(base_url)
        assert caught.value.kind is ErrorKind.NOT_FETCHED


# Trying again


async def test_a_late_link_is_fetched_again_and_nothing_is_bought(serve: Serve, open_client: Open):
    requests, late = [], [404, 403, 503]

    async def handler(request: web.Request) -> web.Response:
        requests.append(request.method)
        return web.Response(status=late.pop(0)) if late else web.Response(body=PNG)

    base_url, waits = await serve(handler), Waits()
    image = await download_with_retries(await open_client(base_url), f"{base_url}/1.png", 8, sleep=waits)
    assert isinstance(image, Image)
    assert requests == ["GET"] * 4
    assert len(waits.seconds) == 3


async def test_a_link_that_never_comes_fails_after_the_last_try_with_its_reason(serve: Serve, open_client: Open):
    base_url, waits = await serve(replying(404)), Waits()
    with pytest.raises(ApiError) as caught:
        await download_with_retries(await open_client(base_url), base_url, 3, sleep=waits)
    assert (caught.value.kind, caught.value.http_status) == (ErrorKind.NOT_FETCHED, 404)
    assert len(waits.seconds) == 2


async def test_a_refused_link_is_not_tried_again(serve: Serve, open_client: Open):
    waits = Waits()
    with pytest.raises(RefusedLinkError):
        await download_with_retries(await open_client(await serve(replying())), "ftp://h/x", 8, sleep=waits)
    assert waits.seconds == []


LATE = ApiError(ErrorKind.NOT_FETCHED, "late", http_status=404)


@pytest.mark.parametrize(
    ("error", "attempt", "chance", "wait_s"),
    [
        (LATE, 1, 0.0, 1.0),
        (LATE, 1, 1.0, 2.0),
        (LATE, 3, 1.0, 8.0),
        (LATE, 6, 1.0, RETRY_MAX_S),
        (LATE, 8, 1.0, None),
        (ApiError(ErrorKind.BAD_IMAGE, "half"), 2, 1.0, 4.0),
        (ApiError(ErrorKind.NOT_FETCHED, "busy", retry_after_s=30), 1, 0.5, 30.0),
        (ApiError(ErrorKind.NOT_FETCHED, "busy", retry_after_s=1), 4, 1.0, 16.0),
        (ApiError(ErrorKind.NOT_FETCHED, "shut", retry_after_s=RETRY_AFTER_MAX_S + 1), 1, 0.5, None),
        (RefusedLinkError("it is ftp"), 1, 0.5, None),
    ],
)
def test_the_wait_before_a_retry(error: ApiError, attempt: int, chance: float, wait_s: float | None):
    assert wait_before_retry(error, attempt, 8, chance) == wait_s


def test_the_wait_stays_bounded_for_any_number_of_tries():
    assert wait_before_retry(LATE, 10**6, 10**7, 1.0) == RETRY_MAX_S
