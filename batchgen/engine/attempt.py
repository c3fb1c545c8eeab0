"""One request through its attempts: what is known so far, for the WAL and for decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from batchgen.core.attempts import Attempts, make_attempt_id, run_of_attempt
from batchgen.core.cost import Charge, CostSource
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Charged, policy_of
from batchgen.core.request import ImageRequest
from batchgen.engine.refusals import RowRefusals


@dataclass(slots=True)
class AttemptState:
    """Mutable, and owned by the one task that settles the request."""

    request: ImageRequest
    run_id: str
    attempts: int = 0  # all that left
    tries: int = 0  # earlier ones that count against the limits of attempts and of time
    wasted: tuple[Charge, ...] = ()
    in_doubt_ids: tuple[str, ...] = ()
    sent_clock: float = 0.0  # when the current one left, by the monotonic clock
    jobs: tuple[str, ...] = ()  # that its attempts became, by the service's ids
    looked_for: int = 0  # of the attempts in doubt, also those of earlier runs, how many the service was asked about
    refusals: RowRefusals = field(default_factory=RowRefusals)
    _counted_s: float = 0.0
    _sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def resumed(cls, request: ImageRequest, attempts: Attempts) -> AttemptState:
        """Return the state of an attempt that an earlier run sent, or that was lost, and whose job goes on."""
        ago_s = max(0.0, (datetime.now(UTC) - attempts.sent_at).total_seconds())
        return cls(
            request,
            run_of_attempt(attempts.client_request_id),
            attempts.count,
            wasted=attempts.wasted,
            in_doubt_ids=attempts.in_doubt_ids,
            sent_clock=monotonic() - ago_s,
            _sent_at=attempts.sent_at,
        )

    @property
    def client_request_id(self) -> str:
        """The id of the current attempt: unique among all attempts of all runs."""
        return make_attempt_id(self.run_id, self.request.fingerprint, self.attempts)

    @property
    def elapsed_s(self) -> float:
        """Seconds spent on the tries so far, the current one included; waits for a permit are nobody's time."""
        return self._counted_s + monotonic() - self.sent_clock

    def begin_attempt(self) -> None:
        """Start the next attempt."""
        self.attempts += 1
        self._sent_at = datetime.now(UTC)
        self.sent_clock = monotonic()

    def failed(self, error: ProviderError) -> None:
        """Take in how the current attempt failed, and what it may have cost."""
        if error.cost_usd is not None:  # an answer that began and did not end in time says its cost at once
            self._waste(error.cost_usd, CostSource.HEADER)
        elif policy_of(error.kind).charged is Charged.MAYBE:
            self.in_doubt_ids = (*self.in_doubt_ids, self.client_request_id)
        elif policy_of(error.kind).charged is Charged.YES:
            price_usd = self.request.price_usd
            self._waste(price_usd, CostSource.UNKNOWN if price_usd is None else CostSource.PRICE)

    def count(self) -> None:
        """The current attempt, and the wait after it, use up one of the tries and part of the time."""
        self.tries += 1
        self._counted_s = self.elapsed_s

    def summary(self) -> Attempts:
        """Return the attempt so far as a value."""
        return Attempts(
            count=self.attempts,
            client_request_id=self.client_request_id,
            sent_at=self._sent_at,
            finished_at=datetime.now(UTC),
            latency_s=monotonic() - self.sent_clock,
            wasted=self.wasted,
            in_doubt_ids=self.in_doubt_ids,
        )

    def _waste(self, cost_usd: float | None, source: CostSource) -> None:
        if cost_usd != 0:
            self.wasted = (*self.wasted, Charge(self.client_request_id, cost_usd, source))
