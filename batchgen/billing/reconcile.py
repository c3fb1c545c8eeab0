"""The index against the service's bill: what became of every attempt in doubt, and what each request really cost.

The log of calls is read for the time of the dataset's runs, with a margin, and each call is found again by
its client request id, which names run and request. A machine's clock may have been wrong while a run went on: how far
it was from the service's is seen from the calls themselves, and the log is then read that much further.
The price: half a kilobyte of memory for each request.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pyarrow.compute as pc

from batchgen.billing.books import Books
from batchgen.billing.findings import Doubt, Fate, Reconciliation
from batchgen.core.request import DEFAULT_PROVIDER
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.cost_corrections import amend_costs
from batchgen.providers.base import Billing

__all__ = ["Doubt", "Fate", "Reconciliation", "providers_in", "reconcile"]

# The service's clock and ours may differ by minutes.
_CLOCK_MARGIN = timedelta(minutes=10)


def providers_in(layout: Layout) -> list[str]:
    """Return the names of the providers that requests of a dataset were sent to. Raises DamagedIndex."""
    names: set[str] = set()
    for table in latest(layout, ["provider", "client_request_id"]):
        sent = table.filter(pc.is_valid(table["client_request_id"]))
        names.update(name or DEFAULT_PROVIDER for name in sent["provider"].unique().to_pylist())
    return sorted(names)


async def reconcile(
    layout: Layout,
    provider: str,
    billing: Billing,
    now: datetime,
    read: Callable[[int], object] = lambda entries: None,
) -> Reconciliation | None:
    """Compare and correct what a dataset, held by the caller, says of one provider.

    Args:
        layout: The dataset.
        provider: Whose log it is; requests at other providers are left alone.
        billing: What has the log of calls.
        now: The time, aware.
        read: Is told how many entries of the log were read since.

    Returns:
        Index against bill; None if nothing was ever sent to the provider.

    Raises:
        ProviderError: The log cannot be read.
        DamagedIndex: A part of the index cannot be read.
    """
    books = Books(layout, provider)
    if not books.requests:
        return None
    result = Reconciliation(now, now)
    seen: set[int] = set()

    async def read_log(start: datetime, end: datetime) -> None:
        async for entry in billing.logs(start, end):
            read(1)
            identity = hash(entry.inference_id or entry.client_request_id)
            if identity not in seen:  # pages overlap where calls were logged meanwhile
                seen.add(identity)
                books.enter(entry, result)

    margin = _CLOCK_MARGIN
    result.start, result.end = books.span(margin, now)
    await read_log(result.start, result.end)
    while books.clock_error > margin - _CLOCK_MARGIN / 2:
        margin = books.clock_error + _CLOCK_MARGIN
        start, end = books.span(margin, now)
        await read_log(start, result.start)
        await read_log(result.end, end)
        result.start, result.end = start, end
    amend_costs(layout, *books.close(result, now))
    return result
