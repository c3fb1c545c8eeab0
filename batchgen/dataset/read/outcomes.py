"""What a run came to, row by row: what it bought and why, and what the manifest still lacks and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.keys import Finder, Keys
from batchgen.core.outcomes import Status
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest

_COLUMNS = [
    "fingerprint",
    "run_id",
    "row_id",
    "row_number",
    "request_number",
    "image_number",
    "line",
    "status",
    "error_message",
    "cost_usd",
    "file_name",
]
_ORDER = [("row_number", "ascending"), ("request_number", "ascending"), ("image_number", "ascending")]


@dataclass(frozen=True, slots=True)
class SlotOutcome:
    """What became of one image slot.

    Attributes:
        line: 1-based line of the manifest; None if it is not known.
        reason: why there is no image; of one that was bought, whether its row is new or changed.
        cost_usd: what it cost in this run; None if that is nothing, or not known.
        file_name: the image below the dataset's folder, None if there is none.
    """

    row_id: str
    line: int | None
    status: Status
    reason: str
    cost_usd: float | None
    file_name: str | None


def run_outcomes(layout: Layout, run_id: str, gone: Keys) -> Iterator[SlotOutcome]:
    """Yield, in the manifest's order, every slot that a run settled, and every one that still has no image.

    Args:
        layout: the dataset's.
        run_id: the run.
        gone: sorted keys of the requests in the index that the manifest does not ask for any more.

    Raises DamagedIndex.
    """
    table = _of_run(layout, run_id, gone)
    known = _bought_before(layout, run_id, pc.unique(table["row_id"]))
    for slot in table.sort_by(_ORDER).to_pylist():
        status = Status(slot["status"])
        reason = ("changed" if slot["row_id"] in known else "new") if status is Status.OK else slot["error_message"]
        cost_usd = slot["cost_usd"] if slot["run_id"] == run_id else None
        yield SlotOutcome(slot["row_id"], slot["line"], status, reason or "", cost_usd, slot["file_name"])


def _of_run(layout: Layout, run_id: str, gone: Keys) -> pa.Table:
    finder, found = Finder(gone), []
    for table in latest(layout, _COLUMNS):
        asked_for = ~finder.contains(fingerprint_keys(table["fingerprint"]))
        missing = pc.not_equal(table["status"], Status.OK)
        # A wrong row is told with its line and its code, and not from the index.
        wanted = pc.and_not(pc.or_(pc.equal(table["run_id"], run_id), missing), pc.equal(table["status"], "invalid"))
        found.append(table.filter(pc.and_(wanted, pa.chunked_array([pa.array(asked_for)]))))
    return pa.concat_tables(found)


def _bought_before(layout: Layout, run_id: str, row_ids: pa.Array) -> set[str]:
    """Those of the rows that had an image before this run: it asked them for something else."""
    known: set[str] = set()
    if not len(row_ids):
        return known
    for table in latest(layout, ["row_id", "run_id", "status"]):
        earlier = pc.and_(pc.equal(table["status"], Status.OK), pc.not_equal(table["run_id"], run_id))
        mine = pc.is_in(table["row_id"], value_set=row_ids)
        known.update(table.filter(pc.and_(earlier, mine))["row_id"].to_pylist())
    return known
