"""Jobs that services accepted and nobody has collected: an earlier run ended before they did.

What was asked for is read back from the index, so that a row that the manifest has no more is collected too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from batchgen.core.answer import JobTicket
from batchgen.core.attempts import Attempts
from batchgen.core.cost import Charge, merged, total
from batchgen.core.errors import DamagedIndex
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.request import ImageRequest, Prior
from batchgen.core.resume import RequestState
from batchgen.dataset.index.charges import of_slot
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import to_records
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.resume_index import ResumeIndex
from batchgen.dataset.read.snapshot import latest

_decode_params = msgspec.json.Decoder(dict[str, str | int | float | bool]).decode
_decode_ticket = msgspec.json.Decoder(JobTicket).decode


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A job to be collected.

    Attributes:
        request: what was asked for.
        attempts: how it was sent.
        ticket: what it is collected with.
        booked_usd: what the index says already that it costs.
    """

    request: ImageRequest
    attempts: Attempts
    ticket: JobTicket
    booked_usd: float


def waiting_jobs(layout: Layout, resume_index: ResumeIndex) -> list[WaitingJob]:
    """Return the jobs that wait. Raises DamagedIndex."""
    waiting = resume_index.keys[resume_index.states == RequestState.ACCEPTED]
    slots: defaultdict[str, list[IndexRecord]] = defaultdict(list)
    if len(waiting):
        for table in latest(layout, None, waiting):
            for record in to_records(table):
                slots[record.fingerprint].append(record)
    return [_job(layout, sorted(records, key=lambda record: record.image_number)) for records in slots.values()]


def _job(layout: Layout, slots: Sequence[IndexRecord]) -> WaitingJob:
    """The job that the records of one request tell of."""
    waiting = [record for record in slots if record.error_kind is ErrorKind.ACCEPTED]
    first = waiting[0]
    try:
        ticket = _decode_ticket(first.job_ticket or "")
        params = _decode_params(first.params)
    except msgspec.DecodeError as error:
        raise DamagedIndex(
            f"{layout.store}: the index says that {first.row_id} is a job, and not how to collect it ({error}). "
            "`batchgen verify OUT` says more."
        ) from error
    missing = [record for record in slots if record.status is not Status.OK]
    charges = merged([charge for record in missing for charge in _charges(record)])
    own = [charge for charge in charges if charge.client_request_id == first.client_request_id]
    others = tuple(charge for charge in charges if charge.client_request_id != first.client_request_id)
    price_usd, _ = total(own) if own else (None, None)
    return WaitingJob(
        ImageRequest(
            fingerprint=first.fingerprint,
            row_id=first.row_id,
            row_number=first.row_number,
            line=first.line,
            request_number=first.request_number,
            num_images=int(params.get("num_images", 1)),
            provider=first.provider,
            model=first.model,
            prompt=first.prompt,
            seed=first.seed,
            seed_source=first.seed_source,
            params=params,
            price_usd=price_usd,
            prior=Prior(
                held=tuple(record.image_number for record in slots if record.status is Status.OK),
                missing=tuple(record.image_number for record in missing),
                charges=others,
                in_doubt_ids=first.in_doubt_ids,
            ),
        ),
        _attempts(first),
        ticket,
        price_usd or 0.0,
    )


def _charges(record: IndexRecord) -> tuple[Charge, ...]:
    return of_slot(msgspec.structs.asdict(record)) if record.charges is None else record.charges


def _attempts(record: IndexRecord) -> Attempts:
    """How a request was sent, as a record of it says."""
    if record.client_request_id is None or record.sent_at is None:
        raise DamagedIndex(f"the index does not say when {record.row_id} was sent. `batchgen verify OUT` says more.")
    return Attempts(
        count=record.attempts,
        client_request_id=record.client_request_id,
        sent_at=record.sent_at,
        finished_at=record.finished_at or record.sent_at,
        latency_s=record.latency_s or 0.0,
    )
