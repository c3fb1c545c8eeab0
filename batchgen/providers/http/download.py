"""Fetching an image from the link that an answer gave, one try.

A link is untrusted: only http and https, no credentials, no key, no cookies, every redirect checked as the link
itself was, and an address on a private network only where the API is on one. What cannot be fetched is NOT_FETCHED;
what is received whole and is no image is BAD_IMAGE. Where the environment names a proxy, it connects, and where
to is its to check: only an address that stands in the link itself is then refused here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import aiohttp
from aiolimiter import AsyncLimiter
from yarl import URL

from batchgen.config.settings import HttpSettings
from batchgen.core.answer import Image
from batchgen.core.errors import ProviderError
from batchgen.core.image_header import ImageError, recognise
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.body import MAX_HEADER_BYTES, READ_BUFFER_BYTES, BodyError, read_body
from batchgen.providers.http.connection import CarriedResponse, CleanConnector, use_up
from batchgen.providers.http.expiry import expired_at
from batchgen.providers.http.reader_pool import ReaderPool
from batchgen.providers.http.retry_after import parse_retry_after
from batchgen.providers.http.ssrf import AddressGuard, ForbiddenAddressError
from batchgen.providers.http.url import parse_http_url, read_url
from batchgen.providers.http.way_out import Proxies, certificates, hint

# CDNs redirect once or twice, from a name to a region.
MAX_REDIRECTS: Final = 5
# Far more than any account is allowed to buy, and far less than a CDN takes for an attack.
DOWNLOADS_PER_SECOND: Final = 500
# Links of one run lead to a handful of hosts; a service that names a new one for each image is not remembered.
_HOSTS_MAX: Final = 1000
# Servers and CDNs refuse longer request lines; signed links stay under 2,000.
MAX_LINK_CHARACTERS: Final = 8192

# What a place answers for what it does not have: not yet, or no more.
REFUSALS: Final = frozenset({403, 404, 410})

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class RefusedLinkError(ProviderError):
    """A link that must not be followed: trying again cannot help."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorKind.NOT_FETCHED, f"the link was not followed: {reason}")


def parse_link(text: str) -> URL:
    """A link that may be followed as far as its text tells; RefusedLinkError otherwise."""
    if len(text) > MAX_LINK_CHARACTERS:
        raise RefusedLinkError(f"it is {len(text):,} characters long")
    try:
        return parse_http_url(text)
    except ValueError as problem:
        raise RefusedLinkError(f"it {problem}") from None


class Downloader:
    """Connections to wherever links lead. It sends no key. Needs a running event loop.

    api_host: where the API is, which decides about private addresses. at_once: downloads at a time;
    more wait their turn, and no timeout runs meanwhile. readers: where an image is looked at.
    is_secret: says whether a link tells what nobody may learn; such a one is not followed.
    """

    def __init__(
        self,
        settings: HttpSettings,
        api_host: str,
        at_once: int,
        readers: ReaderPool,
        is_secret: Callable[[str], bool] = lambda link: False,
    ) -> None:
        self._settings = settings
        self._readers = readers
        self._is_secret = is_secret
        self._guard = AddressGuard(api_host)
        self._turn = asyncio.Semaphore(at_once)
        self._limiters: dict[str, AsyncLimiter] = {}
        self._proxies = Proxies(are_used=settings.proxy)
        tls = certificates()
        self._direct = self._open(CleanConnector(limit=0, ssl=tls, socket_factory=self._guard.open_socket))
        # A proxy connects to addresses of its own choice, and may itself have a private one.
        self._proxied = self._open(CleanConnector(limit=0, ssl=tls))

    def _open(self, connector: CleanConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            response_class=CarriedResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "batchgen"},
            timeout=aiohttp.ClientTimeout(
                total=self._settings.download_timeout_s, connect=self._settings.connect_timeout_s
            ),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._direct.close()
        await self._proxied.close()

    async def download(self, url: str) -> Image:
        """The image behind a link, one try. Raises ProviderError NOT_FETCHED or BAD_IMAGE."""
        async with self._turn:
            await self._guard.learn_where_the_api_is()
            data = await self._fetch(parse_link(url))
        try:
            return await self._readers.read(recognise, data)
        except ImageError as error:
            raise ProviderError(
                ErrorKind.BAD_IMAGE, f"the link led to no usable image: {error}", http_status=200, body=data
            ) from None

    async def _fetch(self, url: URL) -> bytes:
        """Follow redirects, each a link to be checked, until bytes come."""
        for _ in range(MAX_REDIRECTS + 1):
            if self._is_secret(str(url)):
                raise RefusedLinkError("it holds the API key")
            found = await self._step(url)
            if isinstance(found, bytes):
                return found
            url = found
        raise RefusedLinkError(f"it redirects more than {MAX_REDIRECTS} times")

    def _limiter(self, host: str) -> AsyncLimiter:
        """The fixed rate of downloads from a host."""
        if len(self._limiters) >= _HOSTS_MAX:
            self._limiters.clear()
        return self._limiters.setdefault(host, AsyncLimiter(DOWNLOADS_PER_SECOND, 1))

    async def _step(self, url: URL) -> bytes | URL:
        """One GET: the bytes, or where they are instead."""
        await self._limiter(url.host or "").acquire()
        proxy = self._proxies.of(url)
        session = self._direct if proxy is None else self._proxied
        try:
            if proxy is not None:
                self._guard.check_literal(url.host or "")
            async with session.get(url, allow_redirects=False, proxy=proxy) as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    return parse_link(_absolute(url, response.headers["Location"]))
                if response.status != 200:
                    use_up(response)
                    _refuse_if_expired(url, response.status)
                    raise ProviderError(
                        ErrorKind.NOT_FETCHED,
                        f"{url.host} answered {response.status} for the link",
                        http_status=response.status,
                        retry_after_s=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
                    )
                return (await read_body(response, self._settings.max_image_bytes)).whole()
        except BodyError as error:
            problem = f"{url.host}: {error}"
        except TimeoutError:
            problem = f"{url.host} did not deliver in time"
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddressError):
                raise RefusedLinkError(str(error.os_error)) from None
            problem = f"no connection to {url.host}: {error.os_error}{hint(error)}"
        except ForbiddenAddressError as error:
            raise RefusedLinkError(str(error)) from None
        except aiohttp.ClientHttpProxyError as error:
            problem = f"the proxy (HTTPS_PROXY) does not lead to {url.host}: {error.status} {error.message}"
        except aiohttp.ClientError:
            problem = f"{url.host} closed the connection before all of the image came"
        except ValueError:  # from the resolver or the HTTP client, for a name or a path that neither can use
            raise RefusedLinkError("it cannot be used as a URL") from None
        raise ProviderError(ErrorKind.NOT_FETCHED, problem)


def _absolute(url: URL, location: str) -> str:
    """A redirect's target, which may be relative to where it came from."""
    try:
        return str(url.join(read_url(location)))
    except ValueError:
        raise RefusedLinkError("it redirects to what cannot be read as a URL") from None


def _refuse_if_expired(url: URL, status: int) -> None:
    """A refused link whose own date has passed will never lead anywhere."""
    ended = expired_at(url) if status in REFUSALS else None
    if ended is not None and ended < datetime.now(UTC):
        raise RefusedLinkError(f"its signature ended at {ended:%Y-%m-%d %H:%M} UTC, and {url.host} answers {status}")
