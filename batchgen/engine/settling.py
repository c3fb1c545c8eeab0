"""Settles the permit of an attempt that failed, as the table of outcomes has it."""

from __future__ import annotations

from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Affects, Charged, policy_of
from batchgen.engine.protocols import Permit


def settle_failed(permit: Permit, error: ProviderError, is_odd: bool) -> None:
    """Give a permit back.

    is_odd: whether the row is refused as one too many while others get through.
    """
    if policy_of(error.kind).affects is Affects.RATE and not is_odd:
        permit.throttled(error.retry_after_s)
    elif error.cost_usd is not None:
        permit.done(images=0, cost_usd=error.cost_usd)
    elif policy_of(error.kind).charged is not Charged.NO:
        permit.in_doubt()
    else:
        permit.refused()
