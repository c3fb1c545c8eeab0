"""Collects what a ticket stands for, with patience: it was paid for, and to try again is free.

The waits are apart from any retry of requests. What cannot be collected in this run keeps for the next one.
"""

from __future__ import annotations

import random
from typing import Final

from batchgen.core.answer import Image, Ticket
from batchgen.engine.stop import StopSignal
from batchgen.engine.unexpected import describe
from batchgen.providers.base import Gone, Pending, Provider

# Late links come within seconds or within minutes: 2, 4, 8 ... s reach both in eight tries.
RETRY_BASE_S: Final = 2.0
RETRY_MAX_S: Final = 60.0
# A CDN that asks for more patience than this is left to the next run.
RETRY_AFTER_MAX_S: Final = 300.0

_STOPPED = "paid for; the run was stopped while its link was late"


async def fetch(provider: Provider, ticket: Ticket) -> Image | Pending | Gone:
    """Fetch what a ticket stands for, one try; an exception that nobody foresaw is this ticket's own."""
    try:
        return await provider.collect(ticket)
    except Exception as error:  # the others go on, and the next run tries again
        return Gone(f"it could not be fetched: {describe(error)}")


async def collect(provider: Provider, ticket: Ticket, attempts: int, stop: StopSignal) -> Image | Ticket:
    """Collect a ticket in at most `attempts` tries.

    Returns:
        The image, or the ticket with the reason why there is none yet. A ticket is kept whatever it gave: a CDN may
        answer 200 with a page while the image is late, and to fetch again is free.
    """
    attempt = 1
    while True:
        found = await fetch(provider, ticket)
        if isinstance(found, Image):
            return found
        wait_s = wait_before_retry(found, attempt, attempts, random.random())  # noqa: S311  spread, not secrecy
        if wait_s is None:
            return Ticket(ticket.url, found.reason, found.data if isinstance(found, Pending) else b"")
        if await stop.wait(wait_s):
            return Ticket(ticket.url, _STOPPED)
        attempt += 1


def wait_before_retry(found: Pending | Gone, attempt: int, attempts: int, chance: float) -> float | None:
    """Return the seconds until the next try, or None if there is to be none.

    Args:
        found: What try number `attempt` (from 1) gave.
        attempt: The number of that try.
        attempts: How many tries there may be.
        chance: 0 to 1, spreads half of the wait, so that the links of one answer do not knock together.
    """
    if attempt >= attempts or isinstance(found, Gone):
        return None
    asked_s = found.retry_after_s or 0.0
    if asked_s > RETRY_AFTER_MAX_S:
        return None
    backoff_s = min(RETRY_BASE_S * 2.0 ** min(attempt - 1, 30), RETRY_MAX_S)
    return max(asked_s, backoff_s * (0.5 + 0.5 * chance))
