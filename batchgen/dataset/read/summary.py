"""What a dataset holds, counted from its files alone: what `batchgen status` shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.attempts import parse_attempt_id, run_start
from batchgen.core.cost import is_unknown
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.remedy import Remedy, remedy_of
from batchgen.dataset.index.charges import count_unknown, of_slot
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.completeness import refuse_incomplete_at_rest
from batchgen.dataset.read.last_config import read_last_config
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.wal.recovery import in_flight

# Enough to see a pattern, few enough to read.
_EXAMPLES_PER_KIND = 3
# Slots that are looked at for examples of different rows.
_EXAMPLE_SLOTS = 100

_COLUMNS = [
    "status",
    "error_kind",
    "error_message",
    "row_id",
    "manifest",
    "line",
    "cost_usd",
    "cost_source",
    "run_id",
    "sent_at",
    "finished_at",
    "client_request_id",
    "in_doubt_ids",
    "charges",
    "fingerprint",
]


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """One slot that gave no image, and why."""

    row_id: str
    where: str  # FILE:LINE
    message: str


@dataclass(slots=True)
class ErrorSummary:
    """The slots with one kind of error."""

    count: int = 0
    examples: list[ErrorExample] = field(default_factory=list)


@dataclass(slots=True)
class RunTotals:
    """One run's share of the slots, and what its attempts cost: also those whose slots a later run settled."""

    run_id: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    slots: int = 0  # asked for, with any outcome
    images: int = 0  # saved
    cost_usd: float = 0.0

    @property
    def images_per_minute(self) -> float | None:
        """Saved images a minute, between the first request and the last answer."""
        if self.started_at is None or self.finished_at is None or self.finished_at <= self.started_at:
            return None
        return self.images * 60 / (self.finished_at - self.started_at).total_seconds()


@dataclass(slots=True)
class DatasetSummary:
    """Slots by status, what they cost, what went wrong, and run by run.

    simulated says that the last run asked the embedded simulator. in_flight counts slots still asked for, remedies
    those without an image by what makes them. in_doubt_ids are the attempts of which it is not known what they cost:
    neither an answer nor a bill has said it.
    """

    running: bool
    simulated: bool = False
    in_flight: int = 0
    slots: Counter[Status] = field(default_factory=Counter)
    remedies: Counter[Remedy] = field(default_factory=Counter)
    cost_usd: float = 0.0
    unknown_costs: int = 0
    in_doubt_ids: list[str] = field(default_factory=list)
    errors: dict[str, ErrorSummary] = field(default_factory=dict)
    runs: dict[str, RunTotals] = field(default_factory=dict)


def summarise(layout: Layout) -> DatasetSummary:
    """Count a dataset. Raises DamagedIndex, also where the index is not whole."""
    refuse_incomplete_at_rest(layout)
    last = read_last_config(layout)
    summary = DatasetSummary(layout.is_held(), last is not None and last.is_simulated)
    sent = in_flight(layout) if summary.running else set()
    tables: Iterable[pa.Table] = latest(layout, _COLUMNS)
    if summary.running:
        tables = list(tables)
        # Looked at again, since requests leave and arrive while the index is read.
        sent |= in_flight(layout)
    for whole in tables:
        table = settled(whole, sent)
        summary.in_flight += len(whole) - len(table)
        _count(summary, table)
        _count_remedies(summary, table.filter(pc.not_equal(table["status"], Status.OK)))
        _count_errors(summary, table.filter(pc.is_valid(table["error_kind"])))
        _count_runs(summary, table)
        _count_costs(summary, table)
    for run in summary.runs.values():
        run.started_at = run.started_at or (run_start(run.run_id) if run.cost_usd else None)
    summary.runs = dict(sorted(summary.runs.items(), key=lambda item: str(item[1].started_at or "")))
    return summary


def settled(table: pa.Table, sent: set[str]) -> pa.Table:
    """Return the records without those that a run is just asking for: these are in doubt only if it dies."""
    if not sent:
        return table
    asked = pc.is_in(table["fingerprint"], pa.array(sorted(sent)))
    open_ended = pc.is_in(table["status"], pa.array([Status.IN_DOUBT, Status.FAILED]))
    return table.filter(pc.invert(pc.and_(asked, open_ended)))


def _count(summary: DatasetSummary, table: pa.Table) -> None:
    for value in pc.value_counts(table["status"]).to_pylist():
        summary.slots[Status(value["values"])] += value["counts"]
    summary.cost_usd += pc.sum(table["cost_usd"], min_count=0).as_py()
    summary.unknown_costs += count_unknown(table["cost_source"])
    doubts = table.filter(pc.greater(pc.list_value_length(table["in_doubt_ids"]), 0))
    known = set(summary.in_doubt_ids)
    for slot in doubts.select(["client_request_id", "cost_usd", "cost_source", "in_doubt_ids", "charges"]).to_pylist():
        open_ids = [charge.client_request_id for charge in of_slot(slot) if is_unknown(charge.cost_source)]
        summary.in_doubt_ids.extend(new for new in slot["in_doubt_ids"] if new in open_ids and new not in known)
        known.update(slot["in_doubt_ids"])


def _count_remedies(summary: DatasetSummary, missing: pa.Table) -> None:
    for row in missing.group_by(["status", "error_kind"]).aggregate([([], "count_all")]).to_pylist():
        kind = ErrorKind(row["error_kind"]) if row["error_kind"] else None
        summary.remedies[remedy_of(Status(row["status"]), kind)] += row["count_all"]


def _count_errors(summary: DatasetSummary, failed: pa.Table) -> None:
    for value in pc.value_counts(failed["error_kind"]).to_pylist():
        entry = summary.errors.setdefault(value["values"], ErrorSummary())
        entry.count += value["counts"]
        wanted = _EXAMPLES_PER_KIND - len(entry.examples)
        first = failed.filter(pc.equal(failed["error_kind"], value["values"])).slice(0, _EXAMPLE_SLOTS).to_pylist()
        # The images of a row fail together: one line says it for all of them.
        problems = dict.fromkeys(
            ErrorExample(row["row_id"], f"{row['manifest']}:{row['line']}", row["error_message"] or "") for row in first
        )
        entry.examples.extend(list(problems)[:wanted])


def _count_runs(summary: DatasetSummary, table: pa.Table) -> None:
    saved = pc.cast(pc.equal(table["status"], Status.OK), pa.int64())
    asked = pc.cast(pc.not_equal(table["status"], Status.INVALID), pa.int64())
    by_run = table.append_column("saved", saved).append_column("asked", asked).group_by("run_id")
    aggregates = [("saved", "sum"), ("asked", "sum"), ("sent_at", "min"), ("finished_at", "max")]
    for row in by_run.aggregate(aggregates).to_pylist():
        run = summary.runs.setdefault(row["run_id"], RunTotals(row["run_id"]))
        run.slots += row["asked_sum"]
        run.images += row["saved_sum"]
        run.started_at = min(filter(None, (run.started_at, row["sent_at_min"])), default=None)
        run.finished_at = max(filter(None, (run.finished_at, row["finished_at_max"])), default=None)


def _count_costs(summary: DatasetSummary, table: pa.Table) -> None:
    """Book what each attempt cost on the run that made it; most slots bear one, of the run that settled them."""
    has_charges = pc.is_valid(table["charges"])
    plain = table.filter(pc.invert(has_charges)).group_by("run_id").aggregate([("cost_usd", "sum")])
    costs = [(row["run_id"], row["cost_usd_sum"]) for row in plain.to_pylist()]
    columns = ["run_id", "client_request_id", "cost_usd", "cost_source", "in_doubt_ids", "charges"]
    for slot in table.filter(has_charges).select(columns).to_pylist():
        for charge in of_slot(slot):
            ours = parse_attempt_id(charge.client_request_id)
            costs.append((ours[0] if ours else slot["run_id"], charge.cost_usd))
    for run_id, cost_usd in costs:
        if cost_usd:
            summary.runs.setdefault(run_id, RunTotals(run_id)).cost_usd += cost_usd
