"""The index record: everything known of one image slot, and how an answer becomes such records.

A request that is settled gives a record for every image it asked for, whatever came of it, so
the presence of a fingerprint in the index says that the request has an outcome. The functions
here are pure; writing is `writer.py`'s.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from batchgen import __version__
from batchgen.dataset.layout import image_name
from batchgen.values import (
    PERMANENT_KINDS,
    Answer,
    ApiError,
    CostSource,
    Damaged,
    ErrorKind,
    Image,
    Link,
    RejectedRow,
    Request,
    Returned,
    SeedSource,
    Status,
    Trail,
)

# The attempts' answers were never seen: whether they were charged is known to the service alone.
IN_DOUBT_KINDS = frozenset({ErrorKind.DISCONNECTED, ErrorKind.TIMEOUT})


class IndexRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One image slot. Field order is column order; `extra` holds the manifest's own columns.

    Sizes are in bytes and pixels, times in UTC, latency in seconds, costs in US dollars. The
    costs of a request's slots add up to what is known to have been paid for it. Where its cost_source is `unknown`,
    more may have been paid: by an attempt in doubt, or at a price that nobody names; null, if nothing is known.
    """

    file_name: str | None = None
    status: Status
    row_id: str
    image_number: int
    request_number: int
    prompt: str
    enhanced_prompt: str | None = None
    seed: int | None
    seed_source: SeedSource
    model: str
    aspect_ratio: str | None
    request: str
    width: int | None = None
    height: int | None = None
    mime_type: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    cost_usd: float | None = None
    cost_source: CostSource | None = None
    client_request_id: str | None = None
    inference_id: str | None = None
    sent_at: datetime | None = None
    finished_at: datetime | None = None
    latency_s: float | None = None
    row_number: int
    fingerprint: str
    run_id: str
    batchgen_version: str = __version__
    manifest: str  # the manifest's name, as the user gave it
    line: int  # of the row in the manifest
    image_url: str | None = None  # where the image came from, in URL mode
    in_doubt_ids: tuple[str, ...] = ()  # client request ids whose answers were never seen
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What all records of one run share."""

    run_id: str
    manifest: str


def records_of_attempt(request: Request, trail: Trail, provenance: Provenance) -> tuple[IndexRecord, ...]:
    """Return what is to be said of a request if nothing more is heard of its last attempt: in doubt."""
    in_doubt_ids = (*trail.in_doubt_ids, trail.client_request_id)
    slots = _slots(request, 0)
    blanks = _blanks(request, slots, dataclasses.replace(trail, in_doubt_ids=in_doubt_ids), provenance)
    spent_usd = request.prior.spent_usd + trail.wasted_usd
    if not spent_usd:
        return blanks
    return tuple(replace(blank, cost_usd=spent_usd / len(slots)) for blank in blanks)


def records_of_error(
    request: Request, error: ApiError, trail: Trail, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    """Return the records of a request that was given up: failed, or in doubt if an answer of it was never seen.

    A request that the service refuses for good has failed, whatever became of earlier attempts.
    """
    doubts = trail.in_doubt_ids and error.kind not in PERMANENT_KINDS
    in_doubt = bool(doubts) or error.kind in IN_DOUBT_KINDS
    kind, message = error.kind, error.message
    if in_doubt and kind not in IN_DOUBT_KINDS:
        kind, message = ErrorKind.DISCONNECTED, f"an attempt was never answered; the last: {message}"
    slots = _slots(request, 0)
    spent_usd = request.prior.spent_usd + trail.wasted_usd
    source = CostSource.weakest(request.prior.spent_source, trail.wasted_source)
    if in_doubt or trail.in_doubt_ids or request.prior.in_doubt_ids:
        source = CostSource.UNKNOWN
    elif not spent_usd and source is not CostSource.UNKNOWN:
        source = CostSource.PRICE  # AI/ML API's documentation: a failed request is not charged
    cost = None if source is CostSource.UNKNOWN and not spent_usd else spent_usd / len(slots)
    return tuple(
        replace(
            blank,
            status=Status.IN_DOUBT if in_doubt else Status.FAILED,
            error_kind=kind,
            error_message=message,
            http_status=error.http_status,
            inference_id=error.inference_id,
            cost_usd=cost,
            cost_source=source,
        )
        for blank in _blanks(request, slots, trail, provenance)
    )


def records_of_answer(
    request: Request, answer: Answer, trail: Trail, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    """Return the records of a request that was answered: saved, damaged, unfetched and blocked slots."""
    slots = _slots(request, len(answer.returned))
    blanks = [
        replace(blank, http_status=answer.http_status, inference_id=answer.inference_id)
        for blank in _blanks(request, slots, trail, provenance)
    ]
    came = len(answer.returned)
    total, source = _cost(request, answer, trail)
    share = None if total is None else total / (came or len(slots))
    nothing = 0.0 if came else share
    return tuple(
        [_filled(blank, returned, share, source) for blank, returned in zip(blanks, answer.returned, strict=False)]
        + [_blocked(blank, nothing, source) for blank in blanks[came:]]
    )


def record_of_rejected(row: RejectedRow, provenance: Provenance) -> IndexRecord:
    """Return the record of a row that is wrong: never sent, nothing paid."""
    return IndexRecord(
        status=Status.INVALID,
        row_id=row.row_id,
        image_number=0,
        request_number=0,
        prompt=row.prompt,
        seed=None,
        seed_source=SeedSource.NONE,
        model=row.model,
        aspect_ratio=None,
        request="",
        error_kind=ErrorKind.INVALID_ROW,
        error_message=row.reason,
        cost_usd=0.0,
        cost_source=CostSource.PRICE,
        row_number=row.row_number,
        fingerprint=row.fingerprint,
        run_id=provenance.run_id,
        manifest=provenance.manifest,
        line=row.line,
        extra=row.extra,
    )


def filled_late(record: IndexRecord, image: Image) -> IndexRecord:
    """Return the record of a slot whose image was fetched by a later run than the one that paid for it."""
    return _saved(replace(record, finished_at=datetime.now(UTC)), image)


def _filled(blank: IndexRecord, returned: Returned, cost: float | None, source: CostSource) -> IndexRecord:
    blank = replace(blank, enhanced_prompt=returned.enhanced_prompt, cost_usd=cost, cost_source=source)
    match returned.image:
        case Image() as image:
            return _saved(replace(blank, image_url=returned.url), image)
        case Link(url, problem):
            return replace(
                blank,
                status=Status.FAILED,
                error_kind=ErrorKind.NOT_FETCHED,
                error_message=problem or "paid for, not yet fetched from its link",
                image_url=url,
            )
        case Damaged(reason):
            return replace(blank, status=Status.FAILED, error_kind=ErrorKind.BAD_IMAGE, error_message=reason)


def _saved(record: IndexRecord, image: Image) -> IndexRecord:
    return replace(
        record,
        status=Status.OK,
        file_name=image_name(record.row_number, record.fingerprint, record.image_number, image.extension),
        width=image.width,
        height=image.height,
        mime_type=image.mime_type,
        size_bytes=len(image.data),
        sha256=sha256(image.data).hexdigest(),
        error_kind=None,
        error_message=None,
    )


def _blocked(blank: IndexRecord, cost: float | None, source: CostSource) -> IndexRecord:
    return replace(
        blank,
        status=Status.BLOCKED,
        error_kind=ErrorKind.SAFETY,
        error_message="the service returned no image for this slot: its safety filter dropped it",
        cost_usd=cost,
        cost_source=source,
    )


def _cost(request: Request, answer: Answer, trail: Trail) -> tuple[float | None, CostSource]:
    """What the request cost over all its attempts: as the header says, else by price, else unknown."""
    wasted = request.prior.spent_usd + trail.wasted_usd
    if answer.cost_usd is not None:
        return answer.cost_usd + wasted, CostSource.HEADER
    came = len(answer.returned)
    if came == 0:
        return wasted, CostSource.PRICE  # a blocked image is not charged
    if request.price_usd is None:
        return None, CostSource.UNKNOWN
    return request.price_usd / request.num_images * came + wasted, CostSource.PRICE


def _slots(request: Request, came: int) -> list[int]:
    """Image numbers for what came: the free ones first, then beyond, so that nothing held is overwritten.

    All that an earlier run left missing is among them, so that its records are replaced; and never none, so that
    a request always leaves a record that tells of it.
    """
    held = request.prior.held
    free = sorted({*range(request.num_images), *request.prior.missing}.difference(held))
    beyond = max((request.num_images - 1, *held, *free)) + 1
    return free + [beyond + surplus for surplus in range(max(came, 1) - len(free))]


def _blanks(
    request: Request, image_numbers: list[int], trail: Trail, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    return tuple(
        IndexRecord(
            status=Status.IN_DOUBT,
            row_id=request.row_id,
            image_number=image_number,
            request_number=request.request_number,
            prompt=request.prompt,
            seed=request.seed,
            seed_source=request.seed_source,
            model=request.model,
            aspect_ratio=request.aspect_ratio,
            request=request.body.decode(),
            error_kind=ErrorKind.DISCONNECTED,
            error_message="sent, but batchgen ended before an answer came: it may have been charged",
            attempts=trail.attempts,
            cost_usd=None,
            cost_source=CostSource.UNKNOWN,
            client_request_id=trail.client_request_id,
            sent_at=trail.sent_at,
            finished_at=trail.finished_at,
            latency_s=trail.latency_s,
            row_number=request.row_number,
            fingerprint=request.fingerprint,
            run_id=provenance.run_id,
            manifest=provenance.manifest,
            line=request.line,
            in_doubt_ids=request.prior.in_doubt_ids + trail.in_doubt_ids,
            extra=request.extra,
        )
        for image_number in image_numbers
    )
