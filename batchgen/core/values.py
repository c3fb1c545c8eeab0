"""The values that travel through a run, from manifest row to index record.

Every room speaks in these. They are frozen, they import nothing of batchgen, and whoever holds
one may trust it: what came from outside was parsed before it became one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class BatchgenError(Exception):
    """A failure the user can act on: its text says what happened, where, and what to do."""


class Status(StrEnum):
    """Where an image slot stands. A slot with no record at all is pending."""

    OK = "ok"
    BLOCKED = "blocked"  # the safety filter answered: nothing was charged, asking again gives the same
    FAILED = "failed"  # asked, and refused for good or given up on
    INVALID = "invalid"  # the row is wrong: never sent
    IN_DOUBT = "in_doubt"  # sent, answer never seen: may have been charged


class SeedSource(StrEnum):
    """Where the seed of a request comes from."""

    MANIFEST = "manifest"
    DERIVED = "derived"  # from row id and request number, so that a rerun asks for the same picture
    NONE = "none"  # the model takes no seeds, or the watermark makes a seed useless


class CostSource(StrEnum):
    """How a cost became known."""

    HEADER = "header"  # the service said it, in x-aimlapi-usd-spent
    PRICE = "price"  # the service's or the catalog's price times the images that came back
    BILL = "bill"  # `batchgen reconcile` found it in the service's log of calls
    UNKNOWN = "unknown"  # the cost is null, or what is known of it: an attempt may have cost more

    @staticmethod
    def weakest(*sources: CostSource) -> CostSource:
        """Return the source of a sum: that of its least certain part."""
        by_certainty = (CostSource.UNKNOWN, CostSource.PRICE, CostSource.BILL, CostSource.HEADER)
        return min(sources, key=by_certainty.index)


class ErrorKind(StrEnum):
    """What went wrong, in one word; stands as `error_kind` in the index."""

    # the row's own
    INVALID_ROW = "invalid_row"
    BAD_REQUEST = "bad_request"
    SAFETY = "safety"
    # the account's: stop the run, blame no row
    BAD_KEY = "bad_key"
    NO_CREDITS = "no_credits"
    NOT_FOUND = "not_found"
    # the pace's: everyone waits
    RATE_LIMITED = "rate_limited"
    # the moment's: try again
    CONFLICT = "conflict"  # 408, 409, 425
    SERVER_ERROR = "server_error"  # 500, 502, 503, 504 and unknown statuses of 5xx
    GATEWAY = "gateway"  # something before the service refused it: 403 without the service's own words
    UNREACHABLE = "unreachable"  # no connection was made: nothing was sent
    DISCONNECTED = "disconnected"  # sent, then the connection broke: in doubt
    TIMEOUT = "timeout"  # sent, then silence past the limit: in doubt
    LOST = "lost"  # answered, but batchgen was killed before the image was on disk
    # the answer's: success was said, but what came is not usable
    BAD_ANSWER = "bad_answer"  # no JSON, or neither shape of answer
    BAD_IMAGE = "bad_image"  # not an image, or a damaged one
    NOT_FETCHED = "not_fetched"  # paid for, link known, download not yet done


# Asking again would give the same, or would buy again what came damaged: only `--retry` does it.
PERMANENT_KINDS = frozenset({ErrorKind.INVALID_ROW, ErrorKind.BAD_REQUEST, ErrorKind.SAFETY, ErrorKind.BAD_IMAGE})


@dataclass(frozen=True, slots=True)
class Charge:
    """What one attempt cost, in US dollars: None if nothing is known, and with the source `unknown` it may be more."""

    client_request_id: str
    cost_usd: float | None
    cost_source: CostSource


@dataclass(frozen=True, slots=True)
class Prior:
    """What earlier runs left behind for a request that is sent again.

    held: image numbers already saved; new images take other numbers, so nothing is overwritten.
    missing: image numbers that are to be replaced, and charges what their attempts cost, those in doubt included.
    in_doubt_ids: client request ids whose answer was never seen.
    """

    held: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    charges: tuple[Charge, ...] = ()
    in_doubt_ids: tuple[str, ...] = ()

    @property
    def spent_usd(self) -> float:
        """What is known to have been paid for what is missing."""
        return sum(charge.cost_usd or 0.0 for charge in self.charges)


@dataclass(frozen=True, slots=True)
class Request:
    """One API call for one row.

    `body` is the JSON exactly as it is sent. `extra` is the row's passthrough columns as one Arrow
    record batch of one row, serialised without its schema (empty if the manifest has none).
    """

    fingerprint: str  # 32 hex digits
    row_id: str
    row_number: int  # 0-based position in the manifest
    line: int  # 1-based line (CSV) or row (Parquet, DataFrame) for messages
    request_number: int  # 0-based, within the row
    num_images: int
    model: str
    prompt: str
    seed: int | None
    seed_source: SeedSource
    aspect_ratio: str | None
    body: bytes = field(repr=False)
    price_usd: float | None  # expected cost of the whole call
    extra: bytes = field(default=b"", repr=False)
    prior: Prior = Prior()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is wrong and is never sent; `fingerprint` is over its raw cells, so it is recognised again."""

    fingerprint: str  # 32 hex digits
    row_id: str
    row_number: int  # 0-based position in the manifest
    line: int
    model: str
    prompt: str
    reason: str
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class Image:
    """A whole image as it came: untouched bytes, and what its header says."""

    data: bytes = field(repr=False)
    mime_type: str  # of the bytes, whatever the service called it
    extension: str  # png, jpg or webp
    width: int  # pixels
    height: int  # pixels


@dataclass(frozen=True, slots=True)
class Link:
    """An image that was paid for and waits at a URL; `problem` says why it was not fetched yet."""

    url: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """An image of an answer that cannot be used, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Returned:
    """One image slot of an answer; `url` is where a fetched image came from."""

    image: Image | Link | Damaged
    enhanced_prompt: str | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a successful call gave. Fewer images than asked for means that the rest was blocked."""

    returned: tuple[Returned, ...]
    http_status: int
    cost_usd: float | None  # as the service's header said, None if it did not
    inference_id: str | None


@dataclass(frozen=True, slots=True)
class Trail:
    """What it took to settle a request, over all its attempts in this run.

    client_request_id, sent_at and latency_s are those of the last attempt. wasted is what
    attempts cost that gave no usable image; in_doubt_ids are the attempts whose answer was never seen.
    """

    attempts: int
    client_request_id: str
    sent_at: datetime  # UTC
    finished_at: datetime  # UTC
    latency_s: float
    wasted: tuple[Charge, ...] = ()
    in_doubt_ids: tuple[str, ...] = ()


class ApiError(BatchgenError):
    """A call that gave no usable answer.

    kind: what it was. http_status: None if no answer came. retry_after_s: what the service asked
    for, in seconds. cost_usd: what the service says the call cost all the same, if it says so.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        cost_usd: float | None = None,
        inference_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.cost_usd = cost_usd
        self.inference_id = inference_id
