"""Corrects costs of the index to what the service billed.

Parts are immutable: corrected records go into a new part, which wins over the older ones, whole or not at
all. Prices: the corrected requests are in memory at once, and the dataset view is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from batchgen.core.cost import Charge, CostSource, total, unknown
from batchgen.core.errors import DiskError
from batchgen.core.keys import Keys
from batchgen.core.outcomes import Status
from batchgen.dataset.index.alignment import add_part
from batchgen.dataset.index.charges import of_slot
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import LOCK, WAL, Layout
from batchgen.dataset.publish.view import write_view
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.wal.recovery import recover

# What attempts of a request were billed, by client request id, in US dollars.
Bills = Mapping[str, float]

_COSTS = ["status", "error_message", "cost_usd", "cost_source", "client_request_id", "in_doubt_ids", "charges"]


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Hold a dataset, so that no run writes it meanwhile. Raises Locked, DiskError."""
    try:
        with layout.store.lock(LOCK, WAL):
            yield
    except OSError as error:
        raise DiskError(f"cannot write {error.filename or layout.store}: {error.strerror}") from error


@contextmanager
def held(layout: Layout) -> Iterator[None]:
    """Hold a dataset for correcting: no run writes it meanwhile, and what a run left in its WAL is in the index.

    Raises Locked, DiskError.
    """
    with locked(layout):
        recover(layout)
        yield


def amend_costs(layout: Layout, bills: Mapping[int, Bills], remarks: Mapping[int, str]) -> None:
    """Correct what attempts of requests cost, by key of the request, and nothing of their other attempts.

    A remark is added to the message of slots that are in doubt.
    The caller holds the dataset. Raises DamagedIndex, OSError.
    """
    if not bills:
        return
    records = _records_of(layout, np.sort(np.fromiter(bills, np.uint64, len(bills))))
    add_part(layout, layout.next_number(), sort_records(_corrected(records, bills, remarks)))
    compact(layout)
    write_view(layout, None)


def shares(costs_usd: Sequence[float | None], statuses: Sequence[Status], total_usd: float) -> list[float]:
    """Spread what an attempt cost over its slots: as the costs so far, else over its images, else over all slots."""
    known = [cost for cost in costs_usd if cost is not None]
    if len(known) == len(costs_usd) and sum(known) > 0:
        return [total_usd * cost / sum(known) for cost in known]
    saved = [status is Status.OK for status in statuses]
    bearing = saved if any(saved) else [True] * len(statuses)
    return [total_usd / sum(bearing) if bears else 0.0 for bears in bearing]


def _records_of(layout: Layout, wanted: Keys) -> pa.Table:
    """The newest records of some requests (sorted keys), with all their columns."""
    tables = list(latest(layout, None, wanted))
    schema = unify([INDEX_SCHEMA, *(table.schema for table in tables)])
    return pa.concat_tables([conform(table, schema) for table in tables])


def _corrected(table: pa.Table, bills: Mapping[int, Bills], remarks: Mapping[int, str]) -> pa.Table:
    slots = [_Slot(row) for row in table.select(_COSTS).to_pylist()]
    of_request: dict[int, list[_Slot]] = {}
    for key, slot in zip(fingerprint_keys(table["fingerprint"]).tolist(), slots, strict=True):
        of_request.setdefault(key, []).append(slot)
    for key, siblings in of_request.items():
        for client_request_id, billed_usd in bills[key].items():
            _enter(siblings, client_request_id, billed_usd)
        for slot in siblings:
            slot.add(remarks.get(key))
    for name in ("cost_usd", "cost_source", "charges", "error_message"):
        column = table.schema.field(name)
        values = pa.array([slot.row[name] for slot in slots], column.type)
        table = table.set_column(table.schema.get_field_index(name), column, values)
    return table


class _Slot:
    """What a slot bears of each attempt, and its row of the index."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.status = Status(row["status"])
        self.charges = {charge.client_request_id: charge for charge in of_slot(row)}

    def bear(self, charge: Charge) -> None:
        """Take over what the bill says of an attempt."""
        self.charges[charge.client_request_id] = charge
        cost_usd, source = total(self.charges.values())
        self.row |= {"cost_usd": cost_usd, "cost_source": source, "charges": [*map(asdict, self.charges.values())]}

    def add(self, remark: str | None) -> None:
        """Add a remark to the message of a slot in doubt."""
        if remark is not None and self.status is Status.IN_DOUBT:
            self.row["error_message"] += f"; {remark}"


def _enter(slots: Sequence[_Slot], client_request_id: str, billed_usd: float) -> None:
    """Let the slots that bear an attempt bear what it was billed; all of them, if none does yet."""
    bearing = [slot for slot in slots if client_request_id in slot.charges] or slots
    known = [slot.charges.get(client_request_id, unknown(client_request_id)).cost_usd for slot in bearing]
    spread = shares(known, [slot.status for slot in bearing], billed_usd)
    for slot, cost_usd in zip(bearing, spread, strict=True):
        slot.bear(Charge(client_request_id, cost_usd, CostSource.BILL))
