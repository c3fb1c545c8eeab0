"""Writes what a run decides into events.jsonl, one line a decision."""

from __future__ import annotations

from collections.abc import Sequence

from batchgen.billing.preflight import Preflight
from batchgen.core.answer import Answer
from batchgen.core.errors import ProviderError
from batchgen.dataset.events.log import EventLog
from batchgen.dataset.index.records import IndexRecord
from batchgen.engine.attempt import AttemptState
from batchgen.engine.retry import Decision, Retry
from batchgen.pacing import LimiterSnapshot
from batchgen.planning.plan import Plan


class RunEvents:
    """The events of a run, in the words of the run."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def started(self, manifest: str, model: str) -> None:
        """The run begins."""
        self._log.write("started", manifest=manifest, model=model)

    def planned(self, plan: Plan) -> None:
        """The whole manifest has been read."""
        to_send = plan.to_send
        self._log.write(
            "planned", rows=plan.rows, requests=to_send.requests, images=to_send.images, invalid_rows=plan.invalid_rows
        )

    def pace(self, pace: LimiterSnapshot) -> None:
        """What may leave has changed: the limit that is in force, or a pause."""
        self._log.write(
            "pace",
            limit_per_minute=pace.limit_per_minute,
            in_flight_limit=pace.in_flight_limit,
            cooldown_s=pace.cooldown_s,
        )

    def checked(self, preflight: Preflight) -> None:
        """The account was asked."""
        prices = ",".join(f"{model}={price:g}" for model, price in preflight.prices_usd.items())
        remarks = " ".join(preflight.remarks)
        self._log.write("checked", balance_usd=preflight.balance_usd, prices_usd=prices, remarks=remarks)

    def sent(self, attempt: AttemptState) -> None:
        """An attempt leaves."""
        request = attempt.request
        self._log.write(
            "sent",
            **_which(attempt),
            provider=request.provider,
            row_id=request.row_id,
            images=request.num_images,
        )

    def answered(self, attempt: AttemptState, answer: Answer) -> None:
        """An attempt was answered with success."""
        self._log.note(
            "answered",
            **_which(attempt),
            images=len(answer.slots),
            cost_usd=answer.cost_usd,
            inference_id=answer.inference_id,
        )

    def failed(self, attempt: AttemptState, error: ProviderError, decision: Decision) -> None:
        """An attempt failed, and this is what is done about it."""
        self._log.write(
            "failed",
            **_which(attempt),
            error_kind=error.kind,
            message=error.message,
            http_status=error.http_status,
            decision=type(decision).__name__.lower(),
            after_s=decision.after_s if isinstance(decision, Retry) else None,
        )

    def settled(self, attempt: AttemptState, records: Sequence[IndexRecord]) -> None:
        """A request has its outcome, and it is durable."""
        self._log.note(
            "settled",
            **_which(attempt),
            row_id=attempt.request.row_id,
            statuses=",".join(record.status for record in records),
            cost_usd=sum(record.cost_usd or 0.0 for record in records) - attempt.request.prior.spent_usd,
        )

    def halted(self, message: str) -> None:
        """An account or a model is asked no more; the run goes on with the others."""
        self._log.write("halted", message=message)

    def flush(self) -> None:
        """Let those who follow the log see what only informs, and waits to be written with others."""
        self._log.flush()

    def stopping(self, reason: str, in_flight: int) -> None:
        """The run stops before its end."""
        self._log.write("stopping", reason=reason, in_flight=in_flight)

    def ended(self, seconds: float) -> None:
        """The work is done; what is left is to merge the index and write the dataset view."""
        self._log.write("ended", seconds=seconds)


def _which(attempt: AttemptState) -> dict[str, str]:
    return {"client_request_id": attempt.client_request_id}
