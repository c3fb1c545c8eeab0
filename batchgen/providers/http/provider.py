"""Turns a wire, which only knows values, into a provider: calls over one transport, downloads over another.

It sends each call once and says exactly how it ended; whether to send again is the engine's decision. Reading a
large answer (JSON, base64, checksums of images) happens in threads, so that four images of two megabytes each do
not hold up the other calls.

All text of a service passes here on its way in, and nowhere else: this is where the key is masked, should it be in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Accepted, Answer, Flagged, Image, JobTicket, Slot, Ticket, Unusable
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.api_key import ApiKey
from batchgen.providers.base import (
    Billing,
    Gone,
    HttpCall,
    HttpResponse,
    JobWire,
    ListedJob,
    ListingWire,
    Pending,
    PlainWire,
    Ready,
    Unasked,
    Wire,
)
from batchgen.providers.http.download import REFUSALS, Downloader, RefusedLinkError
from batchgen.providers.http.reader_pool import ReaderPool
from batchgen.providers.http.transport import HttpTransport

T = TypeVar("T")

# Of a list of jobs, a hundred a page: more than a run sends in the time for which they are kept.
_MAX_PAGES: Final = 200


class HttpAccount:
    """What providers over HTTP have in common. Needs a running event loop.

    Args:
        wire: The service's wire format.
        settings: Where the service is, waits, sizes and limits.
        key: Sent to the service's host in one header, never with a download.
        billing: Makes what answers questions about money, from the transport; None where the service cannot be asked.
    """

    def __init__(
        self,
        wire: Wire,
        settings: ProviderSettings,
        key: ApiKey,
        billing: Callable[[HttpTransport], Billing] | None = None,
    ) -> None:
        concurrency = settings.limits.concurrency
        self.name: Final = settings.name
        self.traits: Final = wire.traits
        self._key = key
        self._transport = HttpTransport(
            settings.base_url or wire.traits.base_url, settings.http, key, concurrency, wire.traits.own_hosts(settings)
        )
        self.billing: Final = None if billing is None else billing(self._transport)
        self._readers = ReaderPool()
        self._downloader = Downloader(settings.http, self._transport.host, concurrency, self._readers, key.is_in)

    async def collect(self, ticket: Ticket) -> Image | Pending | Gone:
        """Fetch the image behind a link, one try."""
        try:
            return await self._downloader.download(ticket.url)
        except RefusedLinkError as error:
            return Gone(self._key.mask(error.message))
        except ProviderError as error:
            is_refusal = error.http_status in REFUSALS
            body = self._masked(error.body)
            return Pending(self._key.mask(error.message), error.retry_after_s, is_refusal, body)

    async def aclose(self) -> None:
        """Close all connections, and begin no more reading."""
        self._readers.close()
        await self._transport.aclose()
        await self._downloader.aclose()

    async def _read(self, response: HttpResponse, read: Callable[[HttpResponse], T]) -> T:
        """Return what a wire reads from an answer, without the key. Raises ProviderError."""
        outcome = await self._readers.read(lambda _: self._outcome(response, read), response.body)
        if isinstance(outcome, ProviderError):
            try:
                raise outcome  # here, where no frame of those that saw the body hangs on to it
            finally:
                del outcome, response  # the error holds this frame, which must hold neither the error nor the body
        return outcome

    def _outcome(self, response: HttpResponse, read: Callable[[HttpResponse], T]) -> T | ProviderError:
        """What an answer says, without the key, should the service have echoed it."""
        try:
            found = read(response)
            return self._without_key(found)
        except ProviderError as error:
            error.__traceback__ = None  # its frames hold the body and the error, for as long as nobody collects garbage
            return error.but(
                self._key.mask(error.message),
                inference_id=error.inference_id and self._key.mask(error.inference_id),
                body=self._masked(error.body),
            )

    def _without_key(self, found: T) -> T:
        """What a wire found, without the key. Raises ProviderError for a job that could be asked about only with it."""
        if isinstance(found, Answer):
            return replace(
                found,
                slots=tuple(map(self._clean, found.slots)),
                inference_id=found.inference_id and self._key.mask(found.inference_id),
                served_model=found.served_model and self._key.mask(found.served_model),
            )
        if isinstance(found, Pending | Gone):
            return replace(found, reason=self._key.mask(found.reason))
        if isinstance(found, Accepted) and any(self._key.is_in(text) for text in _texts(found.ticket)):
            words = "the service took the request as a job, and what it is asked about holds the API key: not kept"
            raise ProviderError(ErrorKind.BAD_ANSWER, words)
        return found

    def _clean(self, slot: Slot) -> Slot:
        """A slot without the key: it must get into no file and to no CDN."""
        image = slot.image
        if isinstance(image, Ticket) and self._key.is_in(image.url):
            image = Unusable("the link that came holds the API key, so it was neither followed nor kept")
        elif isinstance(image, Unusable):
            image = Unusable(self._key.mask(image.reason), self._masked(image.data))
        elif isinstance(image, Flagged):
            came = image.image
            kept = None if isinstance(came, Ticket) and self._key.is_in(came.url) else came
            image = Flagged(self._key.mask(image.reason), kept)
        prompt = slot.enhanced_prompt
        return replace(slot, image=image, enhanced_prompt=prompt and self._key.mask(prompt))

    def _masked(self, data: bytes) -> bytes:
        """Bytes that nobody could read, without the key; they are kept."""
        text = data.decode("latin-1")
        return self._key.mask(text).encode("latin-1") if self._key.is_in(text) else data


class HttpProvider(HttpAccount):
    """A provider over HTTP that answers at once. Its arguments are those of `HttpAccount`."""

    def __init__(
        self,
        wire: PlainWire,
        settings: ProviderSettings,
        key: ApiKey,
        billing: Callable[[HttpTransport], Billing] | None = None,
    ) -> None:
        super().__init__(wire, settings, key, billing)
        self._wire = wire

    async def submit(self, request: ImageRequest, attempt_id: str, on_sent: Callable[[], None]) -> Answer:
        """Ask for images, once, as `Provider.submit` has it."""
        return await self._read(
            await self._transport.call(
                self._wire.submit(request, attempt_id), on_sent
            ),  # no name: an error holds frames
            lambda response: self._wire.read(response, request),
        )


class JobHttpProvider(HttpAccount):
    """A provider over HTTP that accepts jobs.

    Args:
        wire: The service's wire format.
        settings: Where the service is, waits, sizes and limits.
        key: As `HttpAccount` has it.
        own_ticket: Returns the ticket of an attempt that is about to leave, where a job's id is ours.
    """

    def __init__(
        self,
        wire: JobWire,
        settings: ProviderSettings,
        key: ApiKey,
        own_ticket: Callable[[str], JobTicket] | None = None,
    ) -> None:
        super().__init__(wire, settings, key)
        self._wire = wire
        self._own_ticket = own_ticket

    def own_ticket(self, attempt_id: str) -> JobTicket | None:
        """Return the ticket of an attempt that is about to leave, as `JobProvider.own_ticket` has it."""
        return None if self._own_ticket is None else self._own_ticket(attempt_id)

    async def submit(self, request: ImageRequest, attempt_id: str, on_sent: Callable[[], None]) -> Answer | Accepted:
        """Ask for images, once, as `Provider.submit` has it."""
        return await self._read(
            await self._transport.call(
                self._wire.submit(request, attempt_id), on_sent
            ),  # no name: an error holds frames
            lambda response: self._wire.read(response, request),
        )

    async def poll(self, ticket: JobTicket, request: ImageRequest) -> Answer | Pending | Gone | Unasked:
        """Ask about a job, as `JobProvider.poll` has it."""
        call = self._wire.poll(ticket)
        found = await self._ask(call, lambda response: self._wire.read_poll(response, ticket, request))
        return await self._ask(found.call, found.read) if isinstance(found, Ready) else found

    async def _ask(self, call: HttpCall, read: Callable[[HttpResponse], T]) -> T | Unasked:
        try:
            answering = [await self._transport.call(call)]
        except ProviderError as error:
            return Unasked(error)
        return await self._read(answering.pop(), read)


class ListingHttpProvider(JobHttpProvider):
    """A provider over HTTP that lists its jobs. Its arguments are those of `JobHttpProvider`."""

    def __init__(self, wire: ListingWire, settings: ProviderSettings, key: ApiKey) -> None:
        super().__init__(wire, settings, key)
        self._lister = wire

    async def listed(self, model: str, since: datetime) -> list[ListedJob]:
        """Return the jobs of a model since then, as `ListingProvider.listed` has it."""
        found: list[ListedJob] = []
        call = self._lister.list_jobs(model, since)
        for _ in range(_MAX_PAGES):
            answering = [await self._transport.call(call)]
            page = await self._read(answering.pop(), lambda response: self._lister.read_list(response, model, since))
            found += (job for job in page.jobs if not any(map(self._key.is_in, _texts(job.ticket))))
            if page.more is None:
                break
            call = page.more
        return found

    def is_for(self, job: ListedJob, request: ImageRequest) -> bool:
        """Whether a job was asked for what a request asks for, as `ListingProvider.is_for` has it."""
        return self._lister.is_for(job, request)


def _texts(ticket: JobTicket) -> tuple[str, ...]:
    return ticket.id, ticket.status_url, ticket.result_url
