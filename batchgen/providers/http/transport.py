"""One HTTP call to a service: the key in one header, limits in size and time, every failure a ProviderError.

A call leaves once. aiohttp repeats no POST on a connection that went stale, redirects are not followed (they would
carry the key elsewhere), and no cookie is kept. An answer that names another call is not read. A ProviderError has
neither cause nor context: aiohttp's exceptions hold the request's headers, and so the key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Final

import aiohttp
from yarl import URL

from batchgen.config.settings import HttpSettings
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.api_key import ApiKey
from batchgen.providers.base import HttpCall, HttpResponse
from batchgen.providers.http.body import MAX_HEADER_BYTES, READ_BUFFER_BYTES, BodyError, read_body, read_error_body
from batchgen.providers.http.connection import CarriedResponse, CleanConnector, use_up
from batchgen.providers.http.loose_json import in_utf_8
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS, MAX_MESSAGE_CHARACTERS, redact
from batchgen.providers.http.url import parse_base_url, parse_http_url, without_version
from batchgen.providers.http.way_out import Proxies, certificates, hint
from batchgen.providers.traits import is_among

# Beside the calls that make images: balance, prices, logs.
_ACCOUNT_CONNECTIONS: Final = 2
# Answers whose whole body counts; of all others the beginning is enough.
_SUCCESS: Final = frozenset({200, 201, 202})


class HttpTransport:
    """Connections to one service for one account, and how to make one call over them. Needs a running event loop.

    Args:
        base_url: Where the service is.
        settings: How long to wait, and how much to take.
        key: Sent in one header of each call, to this service only.
        concurrency: Calls at once at most. More wait for a connection, and their total timeout runs.
        hosts: Other hosts of the service, as `Traits.hosts` has them.
    """

    def __init__(
        self, base_url: str, settings: HttpSettings, key: ApiKey, concurrency: int, hosts: Collection[str] = ()
    ) -> None:
        self._hosts = hosts
        self._base_url = parse_base_url(without_version(base_url))
        self._settings = settings
        self._key = key
        self._urls: dict[str, URL] = {}
        self._proxy = Proxies(are_used=settings.proxy).of(self._base_url)
        self._http = aiohttp.ClientSession(
            connector=CleanConnector(limit=concurrency + _ACCOUNT_CONNECTIONS, ssl=certificates()),
            response_class=CarriedResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            trace_configs=[_tell_when_sent()],
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "batchgen"},
            timeout=aiohttp.ClientTimeout(
                total=settings.total_timeout_s,
                connect=settings.connect_timeout_s,
                sock_read=settings.silence_timeout_s,
            ),
        )

    @property
    def host(self) -> str:
        """The service's host, a name or an address."""
        return self._base_url.host or ""

    async def call(self, call: HttpCall, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        """Make a call; `on_sent` is called once it is written to its connection.

        Raises ProviderError UNREACHABLE, DISCONNECTED or TIMEOUT where no answer began, and ACCOUNT for a URL on a host
        that the key is not for.
        """
        outcome = await self._attempt(call, self._url(call.path), on_sent)
        if isinstance(outcome, ProviderError):
            raise outcome  # here, outside of any handler: no exception of aiohttp hangs on to it
        return outcome

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.close()

    def _url(self, path: str) -> URL:
        if "://" in path:
            return self._named_by_service(path)
        # There are a handful of paths, and to join one takes as long as to read a small answer.
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = self._base_url.joinpath(*path.strip("/").split("/"))
        return url

    def _named_by_service(self, text: str) -> URL:
        """The URL that the service named; refused where the key must not go."""
        try:
            url = parse_http_url(text)
        except ValueError as problem:
            words = f"an address that the service named {problem}"
        else:
            if url.origin() == self._base_url.origin() or (
                url.scheme == "https" and is_among(url.host or "", self._hosts)
            ):
                return url
            words = f"the service named an address at {url.host}, which is not its own"
        raise ProviderError(
            ErrorKind.ACCOUNT, self._redact(f"{words}; the key was not sent there", MAX_MESSAGE_CHARACTERS)
        )

    async def _attempt(
        self, call: HttpCall, url: URL, on_sent: Callable[[], None] | None
    ) -> HttpResponse | ProviderError:
        header, before_key = call.authorization
        authorization = {header: f"{before_key}{self._key.get_secret_value()}"} if self._key.is_set else {}
        try:
            response = await self._http.request(
                call.method,
                url,
                params=call.query,
                data=call.body,
                headers={**call.headers, **authorization},
                allow_redirects=False,
                proxy=self._proxy,
                trace_request_ctx=on_sent,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            return self._failure(error)
        async with response:
            if stranger := self._stranger(call, response):
                use_up(response)
                response.close()
                return stranger
            if response.status not in _SUCCESS:
                use_up(response)  # whoever refused may stand before the service, whose answer follows when it comes
            return await self._read(url, response)

    def _stranger(self, call: HttpCall, response: aiohttp.ClientResponse) -> ProviderError | None:
        """The error of an answer that says that it belongs to another call."""
        echo = None if call.echoed is None else response.headers.get(call.echoed)
        if call.echoed is None or echo is None or echo.strip().lower() == call.headers[call.echoed].lower():
            return None
        name = self._redact(echo, MAX_ID_CHARACTERS)
        return ProviderError(
            ErrorKind.DISCONNECTED,
            f"the answer that came belongs to another request (its {call.echoed} is {name}), so nothing of it was kept "
            "and the connection was closed. Something between here and the service mixes up answers",
        )

    @property
    def _through(self) -> str:
        """The proxy, in words and without its password."""
        return "" if self._proxy is None else f"the proxy {self._proxy.host}:{self._proxy.port} (HTTPS_PROXY)"

    async def _read(self, url: URL, response: aiohttp.ClientResponse) -> HttpResponse:
        """Read an answer whose status and headers are known."""
        broken = None
        if response.status not in _SUCCESS:
            body = await read_error_body(response)
        else:
            read = await read_body(response, self._settings.max_answer_bytes)
            body, broken = read.data, self._broken(read.fault)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(
            str(url.with_query(None)), response.status, headers, in_utf_8(body), broken, self._redact, datetime.now(UTC)
        )

    def _broken(self, fault: Exception | None) -> tuple[ErrorKind, str] | None:
        """Why a body is not whole."""
        if fault is None:
            return None
        if isinstance(fault, TimeoutError):
            return ErrorKind.TIMEOUT, "the answer began and did not end in time"
        if isinstance(fault, BodyError):
            return ErrorKind.BAD_ANSWER, self._redact(str(fault), MAX_MESSAGE_CHARACTERS)
        return ErrorKind.BAD_ANSWER, "the answer broke off before its end"

    def _redact(self, text: str, limit: int) -> str:
        return redact(text, self._key, limit)

    def _failure(self, error: Exception) -> ProviderError:
        """What an exception of aiohttp, raised before an answer began, means."""
        host = f"{self._base_url.host}:{self._base_url.port}"
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            wait_s = self._settings.connect_timeout_s
            return ProviderError(ErrorKind.UNREACHABLE, f"no connection to {host} within {wait_s:g} s")
        if isinstance(error, aiohttp.SocketTimeoutError):
            wait_s = self._settings.silence_timeout_s
            return ProviderError(ErrorKind.TIMEOUT, f"{host} was silent for {wait_s:g} s")
        if isinstance(error, TimeoutError):
            wait_s = self._settings.total_timeout_s
            return ProviderError(ErrorKind.TIMEOUT, f"no answer from {host} within {wait_s:g} s")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            reason = self._redact(f"{error.status} {error.message}", MAX_MESSAGE_CHARACTERS)
            return ProviderError(ErrorKind.UNREACHABLE, f"{self._through} does not lead to {host}: {reason}")
        if isinstance(error, aiohttp.ClientConnectorError):
            reason = self._redact(str(error.os_error), MAX_MESSAGE_CHARACTERS)
            place = self._through if isinstance(error, aiohttp.ClientProxyConnectionError) else host
            return ProviderError(ErrorKind.UNREACHABLE, f"no connection to {place}: {reason}{hint(error)}")
        if isinstance(error, aiohttp.ClientResponseError):
            return ProviderError(ErrorKind.DISCONNECTED, f"{host} answered with something that is not HTTP")
        return ProviderError(ErrorKind.DISCONNECTED, f"{host} closed the connection before it answered")


def _tell_when_sent() -> aiohttp.TraceConfig:
    """Call a request's `trace_request_ctx` when its body has been handed to the connection."""

    async def tell(session: object, context: SimpleNamespace, chunk: object) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx()

    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(tell)
    return trace
