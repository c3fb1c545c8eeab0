"""Writes what a run decides into events.jsonl, one line a decision, and tells Python's logging the main ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from batchgen.billing.preflight import Preflight
from batchgen.core.answer import Answer, JobTicket
from batchgen.core.errors import ProviderError
from batchgen.core.format import round_usd
from batchgen.dataset.events.events import (
    Absent,
    Answered,
    Checked,
    Ended,
    Failed,
    Finished,
    Halted,
    Incredible,
    Limits,
    Planned,
    Repeated,
    Sent,
    Started,
    Stopping,
    Taken,
)
from batchgen.dataset.events.log import EventLog
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.read.presence import AbsentImages
from batchgen.engine.attempt import AttemptState
from batchgen.engine.retry import Decision, Retry
from batchgen.pacing import LimiterSnapshot
from batchgen.planning.plan import Plan

_logger = logging.getLogger("batchgen")
_logger.addHandler(logging.NullHandler())  # silent until the program that imports batchgen wants to hear


class RunEvents:
    """The events of one run."""

    def __init__(self, log: EventLog, run_id: str) -> None:
        self._log = log
        self._run_id = run_id

    @property
    def lost(self) -> int:
        """How many events the disk did not take."""
        return self._log.lost

    def started(self, manifest: str, model: str) -> None:
        """The run starts."""
        self._log.write(Started(at=_now(), run=self._run_id, manifest=manifest, model=model))
        _logger.info("run %s started: %s", self._run_id, manifest)

    def planned(self, plan: Plan) -> None:
        """The whole manifest has been read."""
        self._log.write(
            Planned(
                at=_now(),
                run=self._run_id,
                rows=plan.rows,
                requests=plan.to_send.requests,
                images=plan.to_send.images,
                invalid_rows=plan.invalid_rows,
            )
        )
        _logger.info(
            "run %s planned: %d rows, %d requests, %d images, %d invalid rows",
            self._run_id,
            plan.rows,
            plan.to_send.requests,
            plan.to_send.images,
            plan.invalid_rows,
        )

    def checked(self, preflight: Preflight) -> None:
        """The account was asked."""
        self._log.write(
            Checked(
                at=_now(),
                run=self._run_id,
                prices_usd={model: round_usd(price) for (_, model), price in preflight.prices_usd.items()},
                remarks=preflight.remarks,
            )
        )

    def limits(self, limiter: LimiterSnapshot) -> None:
        """The limit in force has changed, or a pause has begun or ended."""
        self._log.write(
            Limits(
                at=_now(),
                run=self._run_id,
                limit_per_minute=limiter.limit_per_minute,
                in_flight_limit=limiter.in_flight_limit,
                cooldown_s=limiter.cooldown_s,
            )
        )
        _logger.debug(
            "limits: %.0f requests a minute, %d at once, pause of %.0f s",
            limiter.limit_per_minute,
            limiter.in_flight_limit,
            limiter.cooldown_s,
        )

    def absent(self, absent: AbsentImages) -> None:
        """Images of earlier runs are not there as they were saved."""
        self._log.write(Absent(at=_now(), run=self._run_id, images=absent.images, first=tuple(map(str, absent.first))))
        _logger.warning("run %s: %d images are missing", self._run_id, absent.images)

    def sent(self, attempt: AttemptState) -> None:
        """An attempt leaves."""
        request = attempt.request
        self._log.write(
            Sent(
                at=_now(),
                run=self._run_id,
                client_request_id=attempt.client_request_id,
                provider=request.provider,
                row_id=request.row_id,
                images=request.num_images,
            )
        )
        _logger.debug("%s: sent as %s", request.row_id, attempt.client_request_id)

    def taken(self, client_request_id: str, ticket: JobTicket) -> None:
        """The service took an attempt as a job, as its answer or its list of jobs says."""
        self._log.write(
            Taken(
                at=_now(),
                run=self._run_id,
                client_request_id=client_request_id,
                job_id=ticket.id,
                collect_until=ticket.collect_until,
            )
        )

    def answered(self, attempt: AttemptState, answer: Answer) -> None:
        """An attempt was answered with success."""
        self._log.note(
            Answered(
                at=_now(),
                run=self._run_id,
                client_request_id=attempt.client_request_id,
                images=answer.images,
                cost_usd=None if answer.cost_usd is None else round_usd(answer.cost_usd),
                inference_id=answer.inference_id,
            )
        )

    def failed(self, attempt: AttemptState, error: ProviderError, decision: Decision) -> None:
        """An attempt failed, and this is what is done about it."""
        self._log.write(
            Failed(
                at=_now(),
                run=self._run_id,
                client_request_id=attempt.client_request_id,
                error_kind=error.kind,
                message=error.message,
                http_status=error.http_status,
                decision=type(decision).__name__.lower(),
                after_s=decision.after_s if isinstance(decision, Retry) else None,
            )
        )
        what = f"retry in {decision.after_s:.1f} s" if isinstance(decision, Retry) else type(decision).__name__.lower()
        _logger.debug("%s: %s (%s); %s", attempt.request.row_id, error.kind, error.message, what)

    def finished(self, attempt: AttemptState, records: Sequence[IndexRecord]) -> None:
        """A request has its outcome, and it is durable."""
        request = attempt.request
        cost_usd = sum(record.cost_usd or 0.0 for record in records) - request.prior.spent_usd
        self._log.note(
            Finished(
                at=_now(),
                run=self._run_id,
                client_request_id=attempt.client_request_id,
                row_id=request.row_id,
                statuses=[record.status for record in records],
                cost_usd=round_usd(cost_usd),
            )
        )
        _logger.debug("%s: %s", request.row_id, ", ".join(record.status for record in records))

    def repeated(self, attempt: AttemptState, record: IndexRecord, like: str) -> None:
        """An image is the same as that of the row `like`, whose prompt is another."""
        self._log.write(
            Repeated(
                at=_now(),
                run=self._run_id,
                client_request_id=attempt.client_request_id,
                row_id=record.row_id,
                file_name=record.file_name,
                like=like,
            )
        )

    def incredible(self, attempt: AttemptState, cost_usd: float) -> None:
        """The service said a cost beyond all sense."""
        self._log.write(
            Incredible(
                at=_now(),
                run=self._run_id,
                client_request_id=attempt.client_request_id,
                row_id=attempt.request.row_id,
                cost_usd=cost_usd,
            )
        )
        row_id = attempt.request.row_id
        _logger.warning("run %s: a cost of %g USD for %s is not believed", self._run_id, cost_usd, row_id)

    def halted(self, message: str) -> None:
        """An account or a model is asked no more; the run goes on with the others."""
        self._log.write(Halted(at=_now(), run=self._run_id, message=message))
        _logger.warning("run %s: %s", self._run_id, message)

    def flush(self) -> None:
        """Let those who follow the log see what waits to be written with others."""
        self._log.flush()

    def stopping(self, message: str, in_flight: int) -> None:
        """The run stops before its end."""
        self._log.write(Stopping(at=_now(), run=self._run_id, message=message, in_flight=in_flight))
        _logger.warning("run %s stops: %s (%d in flight)", self._run_id, message, in_flight)

    def ended(self, seconds: float) -> None:
        """The work is done; what is left is to merge the index and write the dataset view."""
        self._log.write(Ended(at=_now(), run=self._run_id, seconds=seconds))
        _logger.info("run %s ended after %.1f s", self._run_id, seconds)


def _now() -> datetime:
    return datetime.now(UTC)
