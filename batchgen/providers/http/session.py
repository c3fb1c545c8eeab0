"""One HTTP call to the API: the key in its header, limits in size and time, every failure an ApiError.

A call leaves once. aiohttp repeats no POST on a connection that went stale, redirects are not
followed (they would carry the key elsewhere), and no cookie is kept. Proxies of the environment are
not used. An ApiError has neither cause nor context: aiohttp's exceptions hold the request's
headers, and so the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace, TracebackType
from typing import Final

import aiohttp
from yarl import URL

from batchgen.config.settings import ApiSettings
from batchgen.core.errors import ApiError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.aimlapi.errors import kind_of_status, parse_cost, parse_retry_after
from batchgen.providers.api_key import ApiKey
from batchgen.providers.http.body import READ_BUFFER_BYTES, BodyError, read_body, read_error_body
from batchgen.providers.http.message import MAX_MESSAGE_CHARACTERS, explain, is_own, quote, redact
from batchgen.providers.http.url import parse_base_url

# Beside the generating calls: balance, prices, logs.
_ACCOUNT_CONNECTIONS: Final = 2
# An id of ours is at most this long; theirs are shorter.
_MAX_ID_CHARACTERS: Final = 128


@dataclass(frozen=True, slots=True)
class Success:
    """The answer to a call that the API accepted."""

    http_status: int
    body: bytes = field(repr=False)  # megabytes, and whatever the service echoed
    cost_usd: float | None
    inference_id: str | None


class ApiSession:
    """Connections to the API, and how to make one call over them.

    concurrency: calls at once at most. More wait for a connection, and their total timeout runs.
    """

    def __init__(self, settings: ApiSettings, key: ApiKey, concurrency: int) -> None:
        self._base_url = parse_base_url(settings.base_url)
        self._settings = settings
        self._key = key
        self._concurrency = concurrency
        self._urls: dict[str, URL] = {}
        self._http: aiohttp.ClientSession | None = None

    @property
    def host(self) -> str:
        """The API's host, a name or an address."""
        return self._base_url.host or ""

    async def __aenter__(self) -> ApiSession:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency + _ACCOUNT_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
            trace_configs=[_tell_when_sent()],
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "batchgen"},
            timeout=aiohttp.ClientTimeout(
                total=self._settings.total_timeout_s,
                connect=self._settings.connect_timeout_s,
                sock_read=self._settings.silence_timeout_s,
            ),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def post(self, path: str, body: bytes, client_request_id: str, on_sent: Callable[[], None]) -> Success:
        """Send JSON; call `on_sent` once it is written to its connection.

        Raises ApiError of every kind that errors.kind_of_status and the network have.
        """
        headers = {"Content-Type": "application/json", "X-Client-Request-Id": client_request_id}
        return await self._call("POST", path, {}, body, headers, on_sent)

    async def get(self, path: str, query: Mapping[str, str]) -> Success:
        """Ask for JSON. Raises as `post`."""
        return await self._call("GET", path, query, None, {}, None)

    def _url(self, path: str) -> URL:
        # There are a handful of paths, and to join one takes as long as to read a small answer.
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = self._base_url.joinpath(*path.strip("/").split("/"))
        return url

    def unreadable(self, answer: Success, problem: str) -> ApiError:
        """The BAD_ANSWER for a success that cannot be read, with a quote of what came."""
        return ApiError(
            ErrorKind.BAD_ANSWER,
            f"{redact(problem, self._key, MAX_MESSAGE_CHARACTERS)}; it begins: {quote(answer.body, self._key)}",
            http_status=answer.http_status,
            cost_usd=answer.cost_usd,
            inference_id=answer.inference_id,
        )

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
        on_sent: Callable[[], None] | None,
    ) -> Success:
        outcome = await self._attempt(method, path, query, body, headers, on_sent)
        if isinstance(outcome, ApiError):
            raise outcome  # here, outside of any handler: no exception of aiohttp hangs on to it
        return outcome

    async def _attempt(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
        on_sent: Callable[[], None] | None,
    ) -> Success | ApiError:
        if self._http is None:
            raise RuntimeError("the session is not open: use it as an async context manager")
        try:
            response = await self._http.request(
                method,
                self._url(path),
                params=query,
                data=body,
                headers={**headers, "Authorization": f"Bearer {self._key.get_secret_value()}"},
                allow_redirects=False,
                trace_request_ctx=on_sent,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            return self._failure(error)
        async with response:
            return await self._outcome(response)

    async def _outcome(self, response: aiohttp.ClientResponse) -> Success | ApiError:
        """Read an answer whose status and headers are known."""
        cost_usd = parse_cost(response.headers.get("x-aimlapi-usd-spent"))
        inference_id = self._identifier(response.headers.get("x-inference-id"))
        if response.status not in (200, 201):
            body = await read_error_body(response)
            message = self._words(response.status, body, response.headers)
            return ApiError(
                kind_of_status(response.status, message, is_own=is_own(body)),
                message,
                http_status=response.status,
                retry_after_s=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
                cost_usd=cost_usd,
                inference_id=inference_id,
            )
        try:
            body = await read_body(response, self._settings.max_answer_bytes)
        except TimeoutError:
            kind, problem = ErrorKind.TIMEOUT, "the answer began and did not end in time"
        except aiohttp.ClientError:
            kind, problem = ErrorKind.BAD_ANSWER, "the answer broke off before its end"
        except BodyError as error:
            kind, problem = ErrorKind.BAD_ANSWER, str(error)
        else:
            return Success(response.status, body, cost_usd, inference_id)
        return ApiError(kind, problem, http_status=response.status, cost_usd=cost_usd, inference_id=inference_id)

    def _words(self, status: int, body: bytes, headers: Mapping[str, str]) -> str:
        message = explain(status, body, self._key)
        if 300 <= status < 400:
            target = redact(headers.get("Location", "nowhere"), self._key, MAX_MESSAGE_CHARACTERS)
            return f"{self._base_url.host} redirects to {target} ({status}); check the base URL"
        return message

    def _identifier(self, value: str | None) -> str | None:
        return redact(value, self._key, _MAX_ID_CHARACTERS) if value else None

    def _failure(self, error: Exception) -> ApiError:
        """What an exception of aiohttp, raised before an answer began, means."""
        host = f"{self._base_url.host}:{self._base_url.port}"
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            wait_s = self._settings.connect_timeout_s
            return ApiError(ErrorKind.UNREACHABLE, f"no connection to {host} within {wait_s:g} s")
        if isinstance(error, aiohttp.SocketTimeoutError):
            wait_s = self._settings.silence_timeout_s
            return ApiError(ErrorKind.TIMEOUT, f"{host} was silent for {wait_s:g} s")
        if isinstance(error, TimeoutError):
            wait_s = self._settings.total_timeout_s
            return ApiError(ErrorKind.TIMEOUT, f"no answer from {host} within {wait_s:g} s")
        if isinstance(error, aiohttp.ClientConnectorError):
            reason = redact(str(error.os_error), self._key, MAX_MESSAGE_CHARACTERS)
            return ApiError(ErrorKind.UNREACHABLE, f"no connection to {host}: {reason}")
        if isinstance(error, aiohttp.ClientResponseError):
            return ApiError(ErrorKind.DISCONNECTED, f"{host} answered with something that is not HTTP")
        return ApiError(ErrorKind.DISCONNECTED, f"{host} closed the connection before it answered")


def _tell_when_sent() -> aiohttp.TraceConfig:
    """Call a request's `trace_request_ctx` when its body has been handed to the connection."""

    async def tell(session: object, context: SimpleNamespace, chunk: object) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx()

    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(tell)
    return trace
