"""The index record: everything known of one image slot, and how an answer becomes such records.

A request that is settled gives a record for every image it asked for, whatever came of it, so
the presence of a fingerprint in the index says that the request has an outcome. The functions
here are pure; writing is `writer.py`'s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from batchgen import __version__
from batchgen.core.answer import Answer, Image, Slot, Ticket, Unusable
from batchgen.core.attempts import Attempts
from batchgen.core.cost import Charge, CostSource, merged, shared, to_keep, total, unknown
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import FINAL_KINDS, IN_DOUBT_KINDS, ErrorKind, Status
from batchgen.core.request import ImageRequest, RejectedRow, SeedSource
from batchgen.dataset.layout import image_name

_encode = msgspec.json.Encoder(order="deterministic").encode


class IndexRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One image slot. Field order is column order; `extra` holds the manifest's own columns.

    Sizes are in bytes and pixels, times in UTC, latency in seconds, costs in US dollars. The
    costs of a request's slots add up to what is known to have been paid for it. Where its cost_source is `unknown`,
    more may have been paid: by an attempt in doubt, or at a price that nobody names; null, if nothing is known.
    params is JSON: the values of the model's fields beside prompt and seed.
    charges say which attempt cost how much; they are null where `charges.of_slot` finds that without them.
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
    provider: str
    model: str
    aspect_ratio: str | None
    params: str
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
    manifest: str  # the name of its file or folder
    line: int  # of the row in the manifest
    image_url: str | None = None  # where the image came from, in URL mode
    in_doubt_ids: tuple[str, ...] = ()  # client request ids whose answers were never seen
    charges: tuple[Charge, ...] | None = None  # what each attempt cost, where the other columns do not say it
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What all records of one run share."""

    run_id: str
    manifest: str


def records_of_attempt(request: ImageRequest, attempts: Attempts, provenance: Provenance) -> tuple[IndexRecord, ...]:
    """Return what is to be said of a request if nothing more is heard of its last attempt: in doubt."""
    attempts = dataclasses.replace(attempts, in_doubt_ids=(*attempts.in_doubt_ids, attempts.client_request_id))
    blanks = _blanks(request, _slots(request, 0), attempts, provenance)
    return _bearing(blanks, _charges(request, attempts))


def records_of_error(
    request: ImageRequest, error: ProviderError, attempts: Attempts, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    """Return the records of a request that was given up: failed, or in doubt if an answer of it was never seen.

    A request that the service refuses for good has failed, whatever became of earlier attempts.
    """
    doubts = attempts.in_doubt_ids and error.kind not in FINAL_KINDS
    in_doubt = bool(doubts) or error.kind in IN_DOUBT_KINDS
    kind, message = error.kind, error.message
    if in_doubt and kind not in IN_DOUBT_KINDS:
        kind, message = ErrorKind.DISCONNECTED, f"an attempt was never answered; the last: {message}"
    blanks = _blanks(request, _slots(request, 0), attempts, provenance)
    given_up = [
        replace(
            blank,
            status=Status.IN_DOUBT if in_doubt else Status.FAILED,
            error_kind=kind,
            error_message=message,
            http_status=error.http_status,
            inference_id=error.inference_id,
        )
        for blank in blanks
    ]
    return _bearing(given_up, _charges(request, attempts))


def records_of_answer(
    request: ImageRequest, answer: Answer, attempts: Attempts, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    """Return the records of a request that was answered: saved, damaged, deferred and blocked slots."""
    came = len(answer.slots)
    blanks = [
        replace(blank, http_status=answer.http_status, inference_id=answer.inference_id)
        for blank in _blanks(request, _slots(request, came), attempts, provenance)
    ]
    charges = _charges(request, attempts, *_own_charge(request, answer, attempts))
    if not came:
        return _bearing(list(map(_blocked, blanks)), charges)
    filled = [_filled(blank, returned) for blank, returned in zip(blanks, answer.slots, strict=False)]
    return _bearing(filled, charges) + _bearing(list(map(_blocked, blanks[came:])), ())


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
        provider=row.provider,
        model=row.model,
        aspect_ratio=None,
        params="{}",
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


def with_deferred_image(record: IndexRecord, image: Image) -> IndexRecord:
    """Return the record of a slot whose image was fetched by a later run than the one that paid for it."""
    return _saved(replace(record, finished_at=datetime.now(UTC)), image)


def _filled(blank: IndexRecord, slot: Slot) -> IndexRecord:
    blank = replace(blank, enhanced_prompt=slot.enhanced_prompt)
    match slot.image:
        case Image() as image:
            return _saved(replace(blank, image_url=slot.url), image)
        case Ticket(url, problem):
            return replace(
                blank,
                status=Status.FAILED,
                error_kind=ErrorKind.NOT_FETCHED,
                error_message=problem or "paid for, not yet fetched from its link",
                image_url=url,
            )
        case Unusable(reason):
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


def _blocked(blank: IndexRecord) -> IndexRecord:
    return replace(
        blank,
        status=Status.BLOCKED,
        error_kind=ErrorKind.SAFETY,
        error_message="the service returned no image for this slot: its safety filter dropped it",
    )


def _bearing(records: Sequence[IndexRecord], charges: tuple[Charge, ...]) -> tuple[IndexRecord, ...]:
    """Let records of one request bear its charges, in equal shares."""
    if not records:
        return ()
    shares = shared(charges, len(records))
    cost_usd, source = total(shares)
    kept = to_keep(shares, records[0].client_request_id, records[0].in_doubt_ids)
    return tuple(replace(record, cost_usd=cost_usd, cost_source=source, charges=kept) for record in records)


def _charges(request: ImageRequest, attempts: Attempts, *own: Charge) -> tuple[Charge, ...]:
    """What the attempts of a request cost, those of earlier runs and those in doubt included."""
    return merged((*request.prior.charges, *attempts.wasted, *map(unknown, attempts.in_doubt_ids), *own))


def _own_charge(request: ImageRequest, answer: Answer, attempts: Attempts) -> tuple[Charge, ...]:
    """What the attempt that was answered cost: as its header says, else by price, else unknown."""
    if answer.cost_usd is not None:
        return (Charge(attempts.client_request_id, answer.cost_usd, CostSource.HEADER),)
    if not answer.slots:
        return ()  # a blocked image is not charged
    if request.price_usd is None:
        return (unknown(attempts.client_request_id),)
    cost_usd = request.price_usd / request.num_images * len(answer.slots)
    return (Charge(attempts.client_request_id, cost_usd, CostSource.PRICE),)


def _slots(request: ImageRequest, came: int) -> list[int]:
    """Image numbers for what came: the free ones first, then beyond, so that nothing held is overwritten.

    All that an earlier run left missing is among them, so that its records are replaced; and never none, so that
    a request always leaves a record that tells of it.
    """
    held = request.prior.held
    free = sorted({*range(request.num_images), *request.prior.missing}.difference(held))
    beyond = max((request.num_images - 1, *held, *free)) + 1
    return free + [beyond + surplus for surplus in range(max(came, 1) - len(free))]


def _blanks(
    request: ImageRequest, image_numbers: list[int], attempts: Attempts, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    ratio, params = request.params.get("aspect_ratio"), _encode(request.params).decode()
    return tuple(
        IndexRecord(
            status=Status.IN_DOUBT,
            row_id=request.row_id,
            image_number=image_number,
            request_number=request.request_number,
            prompt=request.prompt,
            seed=request.seed,
            seed_source=request.seed_source,
            provider=request.provider,
            model=request.model,
            aspect_ratio=None if ratio is None else str(ratio),
            params=params,
            error_kind=ErrorKind.DISCONNECTED,
            error_message="sent, but batchgen ended before an answer came: it may have been charged",
            attempts=attempts.count,
            client_request_id=attempts.client_request_id,
            sent_at=attempts.sent_at,
            finished_at=attempts.finished_at,
            latency_s=attempts.latency_s,
            row_number=request.row_number,
            fingerprint=request.fingerprint,
            run_id=provenance.run_id,
            manifest=provenance.manifest,
            line=request.line,
            in_doubt_ids=request.prior.in_doubt_ids + attempts.in_doubt_ids,
            extra=request.extra,
        )
        for image_number in image_numbers
    )
