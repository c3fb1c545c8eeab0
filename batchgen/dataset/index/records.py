"""The index record: everything known of one image slot, and how an answer becomes such records.

A request that has an outcome, good or bad, has a record for every image it asked for: a fingerprint in the index says
that there is one. Records are a pure function of the request, its attempts and
what was received: a run makes them so, and recovery makes the same from what the WAL kept.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from batchgen import __version__
from batchgen.core.answer import Image, JobTicket
from batchgen.core.attempts import Attempts
from batchgen.core.cost import Charge, CostSource, Usd
from batchgen.core.outcomes import FINAL_KINDS, IN_DOUBT_KINDS, ErrorKind, Status
from batchgen.core.request import Fingerprint, ImageNumber, ImageRequest, Number, RejectedRow, SeedSource
from batchgen.dataset.index.charges import bearing, by_price, charges_of, own_charge
from batchgen.dataset.index.received import Failure, ImageFile, ReceivedAnswer, ReceivedSlot, image_file
from batchgen.dataset.layout import ImageName, image_name

_NO_ANSWER = "sent, but batchgen ended before an answer came: it may have been charged"
_AT_WORK = "the service accepted it as a job, and the next run collects it"
_BLOCKED: dict[str, Any] = {
    "status": Status.BLOCKED,
    "error_kind": ErrorKind.SAFETY,
    "error_message": "the service returned no image for this slot: its safety filter dropped it",
}

_encode = msgspec.json.Encoder(order="deterministic").encode


class IndexRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One image slot. Field order is column order; the manifest's own columns follow in the index.

    Sizes are in bytes and pixels, times in UTC, latency in seconds, costs in US dollars. The
    costs of a request's slots add up to what is known to have been paid for it. Where its cost_source is `unknown`,
    more may have been paid: by an attempt in doubt, or at a price that nobody names; null, if nothing is known.
    params is JSON: the values of the model's fields beside prompt and seed.
    charges say which attempt cost how much; they are null where `charges.of_slot` finds that without them.
    job_ticket is JSON: what a job is collected with that the service accepted and that is not collected yet.
    """

    file_name: ImageName | None = None
    status: Status
    row_id: str
    image_number: ImageNumber
    request_number: Number
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
    size_bytes: Number | None = None
    sha256: str | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    cost_usd: Usd | None = None
    cost_source: CostSource | None = None
    client_request_id: str | None = None
    inference_id: str | None = None
    served_model: str | None = None
    sent_at: datetime | None = None
    finished_at: datetime | None = None
    latency_s: float | None = None
    row_number: Number
    fingerprint: Fingerprint
    run_id: str
    batchgen_version: str = __version__
    manifest: str  # the name of its file or folder
    line: int  # of the row in the manifest
    image_url: str | None = None  # where the image came from, in URL mode
    in_doubt_ids: tuple[str, ...] = ()  # client request ids whose answers were never seen
    charges: tuple[Charge, ...] | None = None  # what each attempt cost, where the other columns do not say it
    job_ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What all records of one run share."""

    run_id: str
    manifest: str  # the name of its file or folder
    version: str = __version__


def records_of_attempt(request: ImageRequest, attempts: Attempts, provenance: Provenance) -> tuple[IndexRecord, ...]:
    """Return what is to be said of a request if nothing more is heard of its last attempt: in doubt."""
    attempts = dataclasses.replace(attempts, in_doubt_ids=(*attempts.in_doubt_ids, attempts.client_request_id))
    numbers = slot_numbers(request, 0)
    bears = bearing(charges_of(request, attempts), len(numbers), request, attempts)
    common = _common(request, attempts, provenance) | bears
    common |= {"status": Status.IN_DOUBT, "error_kind": ErrorKind.DISCONNECTED, "error_message": _NO_ANSWER}
    return tuple(IndexRecord(image_number=number, **common) for number in numbers)


def records_of_job(
    request: ImageRequest, ticket: JobTicket, attempts: Attempts, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    """Return the records of a request that the service accepted as a job, and that is not collected yet."""
    numbers = slot_numbers(request, 0)
    charges = charges_of(request, attempts, by_price(request, attempts, request.num_images))
    common = _common(request, attempts, provenance) | bearing(charges, len(numbers), request, attempts)
    common |= {
        "status": Status.IN_DOUBT,
        "error_kind": ErrorKind.ACCEPTED,
        "error_message": f"{_AT_WORK}, which costs nothing; it is kept until {ticket.collect_until:%Y-%m-%d %H:%M} UTC",
        "inference_id": ticket.id,
        "job_ticket": _encode(ticket).decode(),
    }
    return tuple(IndexRecord(image_number=number, **common) for number in numbers)


def records_of_error(
    request: ImageRequest, failure: Failure, attempts: Attempts, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    """Return the records of a request that was given up: failed, or in doubt if an answer of it was never seen.

    A request that the service refuses and would refuse again has failed, whatever became of earlier attempts; one that
    its safety filter refuses is blocked.
    """
    doubts = attempts.in_doubt_ids and failure.kind not in FINAL_KINDS
    in_doubt = bool(doubts) or failure.kind in IN_DOUBT_KINDS
    kind, message = failure.kind, failure.message
    if in_doubt and kind not in IN_DOUBT_KINDS:
        kind, message = ErrorKind.DISCONNECTED, f"an attempt was never answered; the last: {message}"
    numbers = slot_numbers(request, 0)
    bears = bearing(charges_of(request, attempts), len(numbers), request, attempts)
    common = _common(request, attempts, provenance) | bears
    common |= {
        "status": Status.IN_DOUBT if in_doubt else _status_of(kind),
        "error_kind": kind,
        "error_message": message,
        "http_status": failure.http_status,
        "inference_id": failure.inference_id,
    }
    return tuple(IndexRecord(image_number=number, **common) for number in numbers)


def records_of_answer(
    request: ImageRequest, answer: ReceivedAnswer, attempts: Attempts, provenance: Provenance
) -> tuple[IndexRecord, ...]:
    """Return the records of a request that was answered: saved, damaged, deferred and blocked slots."""
    numbers, slots = slot_numbers(request, len(answer.slots)), answer.slots
    asked = slot_numbers(request, 0)
    common = _common(request, attempts, provenance)
    common |= {"http_status": answer.http_status, "inference_id": answer.inference_id}
    common |= {"served_model": answer.served_model}
    charges = charges_of(request, attempts, *own_charge(request, answer, attempts))
    bears = common | bearing(charges, answer.images or len(numbers), request, attempts)
    free = common | bearing((), 1, request, attempts) if answer.images else bears
    records = [
        IndexRecord(image_number=number, **(bears if slot.missing is None else free), **_filled(slot))
        for number, slot in zip(numbers, slots, strict=False)
        if slot.missing is None or number in asked
    ]
    # Only an older version wrote answers with fewer slots than were asked for: then the rest was blocked.
    records += [IndexRecord(image_number=number, **free, **_BLOCKED) for number in numbers[len(slots) :]]
    return tuple(records)


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
        batchgen_version=provenance.version,
        manifest=provenance.manifest,
        line=row.line,
    )


def with_deferred_image(record: IndexRecord, image: Image, name: str, finished_at: datetime) -> IndexRecord:
    """Return the record of a slot whose image was fetched by a later run than the one that paid for it."""
    return replace(record, finished_at=finished_at, **_saved(image_file(image, name)))


def slot_numbers(request: ImageRequest, received: int) -> list[int]:
    """Image numbers for what was received: the free ones first, then beyond, so that nothing held is overwritten.

    All that an earlier run left missing is among them, so that its records are replaced; and never none, so that
    a request always leaves a record that tells of it.
    """
    held = request.prior.held
    free = sorted({*range(request.num_images), *request.prior.missing}.difference(held))
    beyond = max((request.num_images - 1, *held, *free)) + 1
    return free + [beyond + surplus for surplus in range(max(received, 1) - len(free))]


def default_name(request: ImageRequest, image_number: int, image: Image) -> str:
    """Return the name that an image has where no other image has it already."""
    return image_name(request.row_number, request.fingerprint, image_number, image.extension)


def _status_of(kind: ErrorKind) -> Status:
    return Status.BLOCKED if kind is ErrorKind.SAFETY else Status.FAILED


def _filled(slot: ReceivedSlot) -> dict[str, Any]:
    """The columns of a slot that tell what was received for it."""
    columns: dict[str, Any] = {"enhanced_prompt": slot.enhanced_prompt}
    if slot.image is not None:
        return columns | _saved(slot.image) | {"image_url": slot.url}
    columns["status"] = Status.FAILED
    if slot.missing is not None:
        kind = ErrorKind.SAFETY if slot.blocked else ErrorKind.TOO_FEW
        return columns | {"status": _status_of(kind), "error_kind": kind, "error_message": slot.missing}
    if slot.unusable is not None:
        kind = ErrorKind.SAFETY if slot.blocked else ErrorKind.BAD_IMAGE
        return columns | {"status": _status_of(kind), "error_kind": kind, "error_message": slot.unusable}
    message = slot.problem or "paid for, not yet fetched from its link"
    return columns | {"error_kind": ErrorKind.NOT_FETCHED, "error_message": message, "image_url": slot.url}


def _saved(image: ImageFile) -> dict[str, Any]:
    return {
        "status": Status.OK,
        "file_name": image.name,
        "width": image.width,
        "height": image.height,
        "mime_type": image.mime_type,
        "size_bytes": image.size_bytes,
        "sha256": image.sha256,
        "error_kind": None,
        "error_message": None,
    }


def _common(request: ImageRequest, attempts: Attempts, provenance: Provenance) -> dict[str, Any]:
    """The columns that all slots of a request share."""
    ratio = request.params.get("aspect_ratio")
    return {
        "row_id": request.row_id,
        "request_number": request.request_number,
        "prompt": request.prompt,
        "seed": request.seed,
        "seed_source": request.seed_source,
        "provider": request.provider,
        "model": request.model,
        "aspect_ratio": None if ratio is None else str(ratio),
        "params": _encode(request.params).decode(),
        "attempts": attempts.count,
        "client_request_id": attempts.client_request_id,
        "sent_at": attempts.sent_at,
        "finished_at": attempts.finished_at,
        "latency_s": attempts.latency_s,
        "row_number": request.row_number,
        "fingerprint": request.fingerprint,
        "run_id": provenance.run_id,
        "batchgen_version": provenance.version,
        "manifest": provenance.manifest,
        "line": request.line,
        "in_doubt_ids": request.prior.in_doubt_ids + attempts.in_doubt_ids,
    }
