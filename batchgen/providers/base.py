"""The seam to services that make images: what the engine asks of a provider, and what a new service has to write.

A `Provider` is one account at one service. It knows how to speak with the service, and not when, how often, or
what to keep. A service over HTTP is a `Wire`: pure functions from values to values, without socket, retry or clock,
which `providers.http` turns into a Provider. `providers.registry` finds both by name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from batchgen.core.answer import Accepted, Answer, Image, JobTicket, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.traits import Traits


@dataclass(frozen=True, slots=True)
class Pending:
    """What a ticket stands for is not there yet, or could not be fetched; asking again is free.

    Attributes:
        reason: why, for the index.
        retry_after_s: how many seconds the service asks to wait; None if it does not say.
        is_refusal: whether the place says that there is nothing, as it does of what is late and of what is gone.
        data: bytes that were received whole and are no image, to be kept.
    """

    reason: str
    retry_after_s: float | None = None
    is_refusal: bool = False
    data: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Gone:
    """What a ticket that must not, or can not, be collected now gives; asking again in this run does not help.

    Of a job: the service does not know it, or has its result no more.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """The service could not be asked about a job, for a reason that says nothing of the job."""

    error: ProviderError


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job as a service lists it, with what it was asked for: so one whose submission was never answered is found.

    Attributes:
        ticket: what it is collected with.
        created: when the service took it (UTC).
        asked: the values that it was given, by the names that the service has for them.
    """

    ticket: JobTicket
    created: datetime
    asked: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account can still spend, in US dollars."""

    usd: float


@dataclass(frozen=True, slots=True)
class QuotedPrice:
    """What a service asks for a model.

    Attributes:
        kind: fixed, variants or variable, in the service's words, or unknown.
        usd_per_image: None where the price depends on more than the number of images.
    """

    kind: str
    usd_per_image: float | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One call, as the service recorded it."""

    created: datetime
    status: str  # succeeded or failed
    model: str
    cost_usd: float | None
    inference_id: str | None
    client_request_id: str | None


class Billing(Protocol):
    """What a service says about money, where it can be asked. All of it is free. Methods raise ProviderError."""

    async def balance(self) -> Balance:
        """Return what the account can still spend."""

    async def model_price(self, model: str) -> QuotedPrice | None:
        """Return what the service asks for a model; None if it does not list the model."""

    def logs(self, start: datetime, end: datetime) -> AsyncIterator[LogEntry]:
        """Yield all calls from `start` to `end` (aware), newest first."""


class Provider(Protocol):
    """One account at one service."""

    @property
    def name(self) -> str:
        """The provider's name, as in the catalog."""

    @property
    def traits(self) -> Traits:
        """What is true of the service."""

    @property
    def billing(self) -> Billing | None:
        """What answers questions about money; None where the service cannot be asked."""

    async def submit(self, request: ImageRequest, attempt_id: str, on_sent: Callable[[], None]) -> Answer | Accepted:
        """Ask for the images of a request, once; this costs money.

        Args:
            request: What to ask for.
            attempt_id: The client request id of this attempt.
            on_sent: Called when the call has been written to its connection.

        Returns:
            The answer. Its slots may be tickets: images that were paid for and are collected free of charge. Or the
            job that the service took the request as.

        Raises:
            ProviderError: There is no usable answer; its kind says what follows.
        """

    async def collect(self, ticket: Ticket) -> Image | Pending | Gone:
        """Fetch what a ticket stands for: free, one try, repeatable."""

    async def aclose(self) -> None:
        """Close all connections."""


class JobProvider(Provider, Protocol):
    """One account at a service that accepts jobs; its traits say so."""

    def own_ticket(self, attempt_id: str) -> JobTicket | None:
        """Return what the job of an attempt that is about to leave is collected with; None if only the answer says."""

    async def poll(self, ticket: JobTicket, request: ImageRequest) -> Answer | Pending | Gone | Unasked:
        """Ask about a job once: free, repeatable.

        Args:
            ticket: The job's.
            request: What it was asked for.

        Raises:
            ProviderError: The job has ended without images; its kind says what follows.
        """


class ListingProvider(JobProvider, Protocol):
    """One account at a service that lists its jobs; its traits say so."""

    async def listed(self, model: str, since: datetime) -> Sequence[ListedJob]:
        """Return the jobs of a model that the service took since then, newest first: free, repeatable.

        Raises ProviderError.
        """

    def is_for(self, job: ListedJob, request: ImageRequest) -> bool:
        """Whether a job was asked for exactly what a request asks for."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One HTTP call as a wire describes it; the transport adds the key.

    Attributes:
        path: below the provider's base URL; or, where the service itself said where, a whole URL. The key goes there
            only if the host is the provider's, or one that its traits name.
        authorization: the header that carries the key, and what stands before the key in it.
        echoed: the header of `headers` that the service sends back as it came: an answer with another value in it
            belongs to another call. None if it sends none back.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    authorization: tuple[str, str] = ("Authorization", "Bearer ")
    echoed: str | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer to an HTTP call, its body as far as it was received.

    Attributes:
        url: what was asked, without query.
        headers: by name, in lower case.
        body: unpacked; of an answer that is no success only the beginning.
        broken: why the body is not whole, None if it is.
        redact: text masked and on one line, at most so many characters; all that is shown goes through it.
    """

    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    broken: tuple[ErrorKind, str] | None
    redact: Callable[[str, int], str] = field(repr=False)
    received_at: datetime


class Wire(Protocol):
    """A service over HTTP, as pure functions of values."""

    @property
    def traits(self) -> Traits:
        """What is true of the service."""

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that asks for the images of a request."""

    def read(self, response: HttpResponse, request: ImageRequest) -> Answer | Accepted:
        """Return what an answer to `submit` says. Raises ProviderError."""


class PlainWire(Wire, Protocol):
    """A service over HTTP that answers at once."""

    def read(self, response: HttpResponse, request: ImageRequest) -> Answer:
        """Return what an answer to `submit` says. Raises ProviderError."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A job is done, and its result is fetched with another call.

    Attributes:
        call: brings the result.
        read: reads the answer to it; raises ProviderError if the job gave no images.
    """

    call: HttpCall
    read: Callable[[HttpResponse], Answer | Pending | Gone | Unasked]


class JobWire(Wire, Protocol):
    """A service over HTTP that accepts jobs."""

    def poll(self, ticket: JobTicket) -> HttpCall:
        """Return the call that asks about a job."""

    def read_poll(
        self, response: HttpResponse, ticket: JobTicket, request: ImageRequest
    ) -> Answer | Pending | Gone | Unasked | Ready:
        """Return what an answer to `poll` says. Raises ProviderError if the job has ended without images."""


@dataclass(frozen=True, slots=True)
class ListedPage:
    """One page of a list of jobs.

    Attributes:
        jobs: newest first.
        more: brings the next page; None if this is the last.
    """

    jobs: tuple[ListedJob, ...]
    more: HttpCall | None


class ListingWire(JobWire, Protocol):
    """A service over HTTP that lists its jobs."""

    def list_jobs(self, model: str, since: datetime) -> HttpCall:
        """Return the call that lists the jobs of a model, or of all models, that were taken since then (UTC)."""

    def read_list(self, response: HttpResponse, model: str, since: datetime) -> ListedPage:
        """Return what an answer to `list_jobs` says of one model; what failed is left out. Raises ProviderError."""

    def is_for(self, job: ListedJob, request: ImageRequest) -> bool:
        """Whether a job was asked for exactly what a request asks for."""
