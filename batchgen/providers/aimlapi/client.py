"""The client that a run is given: a request in, an answer out; a link in, an image out.

It sends each call once and says exactly how it ended; whether to send again is the caller's
decision. Reading a large answer (JSON, base64, checksums of images) happens in threads, so that four
images of two megabytes each do not hold up the other calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Final

import msgspec

from batchgen.config.settings import ApiSettings
from batchgen.core.answer import Answer, Image, Link, Slot, Unusable
from batchgen.core.request import ImageRequest, Value
from batchgen.providers.aimlapi.account import AimlapiBilling
from batchgen.providers.aimlapi.answer import AnswerError, read_answer
from batchgen.providers.api_key import ApiKey
from batchgen.providers.http.download import Downloader
from batchgen.providers.http.reader_pool import Readers
from batchgen.providers.http.session import ApiSession

_encode = msgspec.json.Encoder().encode


class ApiClient:
    """AI/ML API, as an async context manager; `account` answers questions about the account.

    key: sent to the API's host in one header, never with a download. concurrency: calls at once, and
    downloads at once. transport: by model, the field that chooses how images travel, with its value.
    """

    def __init__(
        self,
        settings: ApiSettings,
        key: ApiKey,
        concurrency: int,
        transport: Mapping[str, Mapping[str, Value]] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._key = key
        self._session = ApiSession(settings, key, concurrency)
        self._readers = Readers()
        self._downloader = Downloader(settings, self._session.host, concurrency, self._readers)
        self._open = AsyncExitStack()
        self.account: Final = AimlapiBilling(self._session)

    async def __aenter__(self) -> ApiClient:
        self._open.callback(self._readers.close)
        await self._open.enter_async_context(self._session)
        await self._open.enter_async_context(self._downloader)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def generate(self, request: ImageRequest, client_request_id: str, on_sent: Callable[[], None]) -> Answer:
        """Ask for images, once; `on_sent` is called when the request has been written to its connection.

        client_request_id: 1 to 128 characters out of
        A-Z a-z 0-9 . _ : - (the service drops others silently). Raises ApiError; DISCONNECTED and TIMEOUT
        mean that the call may have been charged. An answer of Unusable slots only is returned, not raised.
        """
        success = await self._session.post("/v1/images/generations", self._body(request), client_request_id, on_sent)
        try:
            returned = await self._readers.read(self._read_answer, success.body)
        except AnswerError as error:
            problem = str(error)
        else:
            kept = tuple(map(self._without_key, returned))
            return Answer(kept, success.http_status, success.cost_usd, success.inference_id)
        raise self._session.unreadable(success, problem)

    async def download(self, url: str) -> Image:
        """The image behind a link, one try. Raises ApiError NOT_FETCHED, or BAD_IMAGE for what is no whole image."""
        return await self._downloader.download(url)

    def _body(self, request: ImageRequest) -> bytes:
        """The JSON of a request as the service reads it."""
        seed = {} if request.seed is None else {"seed": request.seed}
        transport = self._transport.get(request.model, {})
        return _encode({"model": request.model, "prompt": request.prompt, **seed, **transport, **request.params})

    def _read_answer(self, body: bytes) -> tuple[Slot, ...]:
        return read_answer(body, self._settings.max_image_bytes)

    def _without_key(self, slot: Slot) -> Slot:
        """What came, but for the key, should the service have echoed it: it must get into no file and to no CDN."""
        image = slot.image
        if isinstance(image, Link) and self._key.mask(image.url) != image.url:
            image = Unusable("the link that came holds the API key, so it was neither followed nor kept")
        prompt = slot.enhanced_prompt
        return replace(slot, image=image, enhanced_prompt=prompt and self._key.mask(prompt))
