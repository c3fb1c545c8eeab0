"""Corrects costs of the index to what the service billed.

Parts are immutable: corrected records go into a new part, which wins over the older ones, whole or not at
all. Prices: the corrected requests are in memory at once, and the dataset view is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from batchgen.dataset.errors import DamagedIndex, DiskError
from batchgen.dataset.keys import NO_KEYS, Keys, fingerprint_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.lock import Lock
from batchgen.dataset.parts import merge, open_part, write_part
from batchgen.dataset.reader import latest
from batchgen.dataset.recovery import recover
from batchgen.dataset.schema import conform, unify
from batchgen.dataset.view import write_view
from batchgen.values import CostSource, Status


@contextmanager
def held(layout: Layout) -> Iterator[None]:
    """Hold a dataset for correcting: no run writes it meanwhile, and what a run left in its ledger is in the index.

    Raises Locked, DiskError.
    """
    try:
        with Lock(layout.lock):
            recover(layout)
            yield
    except OSError as error:
        raise DiskError(f"cannot write {error.filename or layout.root}: {error.strerror}") from error


def amend_costs(layout: Layout, costs_usd: Mapping[int, float], remarks: Mapping[int, str]) -> None:
    """Correct what requests cost as a whole, by key; a remark is added to the message of slots that are in doubt.

    The caller holds the dataset. Raises DamagedIndex, OSError.
    """
    if not costs_usd:
        return
    records = _records_of(layout, np.sort(np.fromiter(costs_usd, np.uint64, len(costs_usd))))
    table = _corrected(records, costs_usd, remarks)
    write_part(layout, max(layout.parts()) + 1, iter([table]), table.schema)
    merge(layout)
    write_view(layout, shown(layout), "")


def shown(layout: Layout) -> Keys | None:
    """Return the sorted keys of the requests that the dataset view shows now; None if there is no readable view."""
    try:
        with open_part(layout.view) as view:
            keys = [fingerprint_keys(batch.column(0)) for batch in view.iter_batches(columns=["fingerprint"])]
    except (FileNotFoundError, DamagedIndex):
        return None
    return np.sort(np.concatenate([NO_KEYS, *keys]))


def shares(costs_usd: Sequence[float | None], statuses: Sequence[Status], total_usd: float) -> list[float]:
    """Spread what a request cost over its slots: as the costs so far, else over its images, else over all slots."""
    known = [cost for cost in costs_usd if cost is not None]
    if len(known) == len(costs_usd) and sum(known) > 0:
        return [total_usd * cost / sum(known) for cost in known]
    saved = [status is Status.OK for status in statuses]
    bearing = saved if any(saved) else [True] * len(statuses)
    return [total_usd / sum(bearing) if bears else 0.0 for bears in bearing]


def _records_of(layout: Layout, wanted: Keys) -> pa.Table:
    """The newest records of some requests (sorted keys), with all their columns."""
    tables = list(latest(layout, None, wanted))
    schema = unify([table.schema for table in tables])
    return pa.concat_tables([conform(table, schema) for table in tables])


def _corrected(table: pa.Table, totals_usd: Mapping[int, float], remarks: Mapping[int, str]) -> pa.Table:
    keys = fingerprint_keys(table.column("fingerprint")).tolist()
    statuses = [Status(status) for status in table.column("status").to_pylist()]
    costs = table.column("cost_usd").to_pylist()
    messages = table.column("error_message").to_pylist()
    slots: dict[int, list[int]] = {}
    for position, key in enumerate(keys):
        slots.setdefault(key, []).append(position)
    for key, positions in slots.items():
        spread = shares([costs[p] for p in positions], [statuses[p] for p in positions], totals_usd[key])
        for position, cost in zip(positions, spread, strict=True):
            costs[position] = cost
            if statuses[position] is Status.IN_DOUBT and key in remarks:
                messages[position] = f"{messages[position]}; {remarks[key]}"
    for name, values in (
        ("cost_usd", costs),
        ("cost_source", [CostSource.BILL.value] * len(table)),
        ("error_message", messages),
    ):
        column = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), column, pa.array(values, column.type))
    return table
