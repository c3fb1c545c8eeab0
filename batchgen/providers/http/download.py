"""Fetching an image from the link that an answer gave, as often as it takes.

Fetching is free and the image is paid for, so a link that is late or fails is tried again, with its
own waits, apart from any retry of requests. A link is untrusted: only http and https, no
credentials, no key, no cookies, every redirect checked as the link itself was, and an address on a
private network only where the API is on one. What cannot be fetched is NOT_FETCHED and keeps for the
next run; what came whole and is no image is BAD_IMAGE.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Protocol

import aiohttp
from yarl import URL

from batchgen.config.settings import ApiSettings
from batchgen.core.answer import Image
from batchgen.core.errors import ApiError
from batchgen.core.image_header import ImageError, recognise
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.aimlapi.answer import MAX_LINK_CHARACTERS
from batchgen.providers.aimlapi.errors import parse_retry_after
from batchgen.providers.http.body import READ_BUFFER_BYTES, BodyError, read_body
from batchgen.providers.http.reader_pool import Readers
from batchgen.providers.http.ssrf import AddressGuard, ForbiddenAddressError
from batchgen.providers.http.url import parse_http_url

# CDNs redirect once or twice, from a name to a region.
MAX_REDIRECTS: Final = 5
# Late links come within seconds or within minutes: 2, 4, 8 ... s reach both in eight tries.
RETRY_BASE_S: Final = 2.0
RETRY_MAX_S: Final = 60.0
# A CDN that asks for more patience than this is left to the next run.
RETRY_AFTER_MAX_S: Final = 300.0

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class RefusedLinkError(ApiError):
    """A link that must not be followed: trying again cannot help."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorKind.NOT_FETCHED, f"the link was not followed: {reason}")


class Fetcher(Protocol):
    """Whatever fetches one link, one try."""

    async def download(self, url: str) -> Image:
        """The image behind `url`. Raises ApiError NOT_FETCHED or BAD_IMAGE."""


async def download_with_retries(
    fetcher: Fetcher,
    url: str,
    attempts: int,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Image:
    """Fetch a link in at most `attempts` tries. Raises the ApiError of the last try."""
    attempt = 1
    while True:
        try:
            return await fetcher.download(url)
        except ApiError as error:
            wait_s = wait_before_retry(error, attempt, attempts, random.random())  # noqa: S311  spread, not secrecy
            if wait_s is None:
                raise
        await sleep(wait_s)
        attempt += 1


def wait_before_retry(error: ApiError, attempt: int, attempts: int, chance: float) -> float | None:
    """Seconds until the next try, or None if there is to be none.

    error: how try number `attempt` (from 1) failed. chance: 0 to 1, spreads half of the wait, so that
    the links of one answer do not knock together.
    """
    if attempt >= attempts or isinstance(error, RefusedLinkError):
        return None
    asked_s = error.retry_after_s or 0.0
    if asked_s > RETRY_AFTER_MAX_S:
        return None
    backoff_s = min(RETRY_BASE_S * 2.0 ** min(attempt - 1, 30), RETRY_MAX_S)
    return max(asked_s, backoff_s * (0.5 + 0.5 * chance))


def parse_link(text: str) -> URL:
    """A link that may be followed as far as its text tells; RefusedLinkError otherwise."""
    if len(text) > MAX_LINK_CHARACTERS:
        raise RefusedLinkError(f"it is {len(text):,} characters long")
    try:
        return parse_http_url(text)
    except ValueError as problem:
        raise RefusedLinkError(f"it {problem}") from None


class Downloader:
    """Connections to wherever links lead. It never holds the key.

    api_host: where the API is, which decides about private addresses. at_once: downloads at a time;
    more wait their turn, and no timeout runs meanwhile. readers: where an image is looked at.
    """

    def __init__(self, settings: ApiSettings, api_host: str, at_once: int, readers: Readers) -> None:
        self._settings = settings
        self._readers = readers
        self._guard = AddressGuard(api_host)
        self._turn = asyncio.Semaphore(at_once)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Downloader:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=self._guard.open_socket),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
            headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "batchgen"},
            timeout=aiohttp.ClientTimeout(
                total=self._settings.download_timeout_s, connect=self._settings.connect_timeout_s
            ),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def download(self, url: str) -> Image:
        """The image behind a link, one try. Raises ApiError NOT_FETCHED or BAD_IMAGE."""
        async with self._turn:
            await self._guard.learn_where_the_api_is()
            data = await self._fetch(parse_link(url))
        try:
            return await self._readers.read(recognise, data)
        except ImageError as error:
            raise ApiError(ErrorKind.BAD_IMAGE, f"the link led to no usable image: {error}", http_status=200) from None

    async def _fetch(self, url: URL) -> bytes:
        """Follow redirects, each a link to be checked, until bytes come."""
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._step(url)
            if isinstance(found, bytes):
                return found
            url = found
        raise RefusedLinkError(f"it redirects more than {MAX_REDIRECTS} times")

    async def _step(self, url: URL) -> bytes | URL:
        """One GET: the bytes, or where they are instead."""
        if self._http is None:
            raise RuntimeError("the downloader is not open: use it as an async context manager")
        try:
            async with self._http.get(url, allow_redirects=False) as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    return parse_link(_absolute(url, response.headers["Location"]))
                if response.status != 200:
                    raise ApiError(
                        ErrorKind.NOT_FETCHED,
                        f"{url.host} answered {response.status} for the link",
                        http_status=response.status,
                        retry_after_s=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
                    )
                return await read_body(response, self._settings.max_image_bytes)
        except BodyError as error:
            problem = f"{url.host}: {error}"
        except TimeoutError:
            problem = f"{url.host} did not deliver in time"
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddressError):
                raise RefusedLinkError(str(error.os_error)) from None
            problem = f"no connection to {url.host}: {error.os_error}"
        except aiohttp.ClientError:
            problem = f"{url.host} closed the connection before all of the image came"
        raise ApiError(ErrorKind.NOT_FETCHED, problem)


def _absolute(url: URL, location: str) -> str:
    """A redirect's target, which may be relative to where it came from."""
    try:
        return str(url.join(URL(location)))
    except ValueError:
        raise RefusedLinkError("it redirects to what cannot be read as a URL") from None
