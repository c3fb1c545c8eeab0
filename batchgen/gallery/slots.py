"""What the gallery shows: the newest record of every slot, in the order of the manifest.

Read once, into memory, up to a number that a browser can hold; the counts are of the whole dataset.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.outcomes import Status
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.read.summary import DatasetSummary, settled, summarise
from batchgen.dataset.wal.recovery import in_flight

# A page of 200,000 slots is some 20 MB, opens in a few seconds and still scrolls; a million would not open.
MOST_SLOTS = 200_000

_ORDER = [("row_number", "ascending"), ("request_number", "ascending"), ("image_number", "ascending")]


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots to show, one a row, with every column of the index and the manifest's own; and the whole's counts."""

    table: pa.Table
    summary: DatasetSummary

    @property
    def own_columns(self) -> list[str]:
        """The manifest's own columns."""
        return [name for name in self.table.column_names if name not in INDEX_SCHEMA.names]

    @property
    def saved(self) -> pa.Table:
        """The slots that have an image."""
        return self.table.filter(pc.equal(self.table["status"], Status.OK))


def read_slots(layout: Layout, most: int = MOST_SLOTS) -> Slots:
    """Read the slots of a dataset, at most so many, the newest first. Raises DamagedIndex.

    While a run is writing, what it is just asking for is left out: nothing is known of it yet.
    """
    summary = summarise(layout)
    asked = in_flight(layout) if summary.running else set()
    tables, left = [], most
    for whole in latest(layout, None):
        table = settled(whole, asked)
        tables.append(table.slice(max(0, len(table) - left)))
        left -= len(tables[-1])
        if left == 0:
            break
    schema = unify([INDEX_SCHEMA, *(table.schema for table in tables)]).remove_metadata()
    return Slots(
        pa.concat_tables([schema.empty_table(), *(conform(table, schema) for table in tables)]).sort_by(_ORDER), summary
    )
