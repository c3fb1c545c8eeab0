"""What to do about a failed attempt: a value, from a pure function. Waiting and doing are the loop's."""

from __future__ import annotations

from dataclasses import dataclass

from batchgen.config.settings import RetrySettings
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Affects, ErrorKind, policy_of


@dataclass(frozen=True, slots=True)
class Retry:
    """Send it again, no sooner than in so many seconds. counted: whether this attempt used up one of the tries."""

    after_s: float
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Fail:
    """Record the failure and go on with other requests."""


@dataclass(frozen=True, slots=True)
class Stop:
    """No request of its account, or of its model, can succeed now: leave them all pending."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Set it aside: whether it failed alone is for other requests of its model to tell."""


Decision = Retry | Fail | Stop | Suspend


def decide(
    error: ProviderError,
    attempts: int,
    elapsed_s: float,
    chance: float,
    settings: RetrySettings,
    odd_refusals: int = 0,
) -> Decision:
    """Decide about a failed attempt.

    attempts: counted tries of this request so far, this one included. elapsed_s: seconds spent on these.
    chance: 0 to 1, for full jitter. odd_refusals: how often the row was refused for its rate while others were not.
    """
    affects = policy_of(error.kind).affects
    if affects is Affects.ROW:
        return Fail()
    if affects in (Affects.ACCOUNT, Affects.MODEL):
        return Stop()
    if affects is Affects.UNCLEAR:
        return Suspend()
    if affects is Affects.RATE:
        # Whether everyone waits is the limiter's decision; the row waits as it was asked to, and is never to blame.
        # One that is refused for itself is asked for less and less often.
        backoff_s = min(settings.backoff_max_s, settings.backoff_base_s * 2 ** min(odd_refusals, 30))
        alone_s = chance * backoff_s if odd_refusals else 0.0
        return Retry(max(alone_s, error.retry_after_s or 0.0), counted=False)
    wait_s = chance * min(settings.backoff_max_s, settings.backoff_base_s * 2 ** (attempts - 1))
    if error.retry_after_s is not None:
        wait_s = max(wait_s, error.retry_after_s)
    # Without a connection nothing was sent: how long an outage lasts is not the row's fault.
    counted = error.kind is not ErrorKind.UNREACHABLE
    if (counted and attempts >= settings.max_attempts) or elapsed_s + wait_s > settings.deadline_s:
        return Fail()
    return Retry(wait_s, counted)
