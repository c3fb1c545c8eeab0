"""Images that were paid for and not yet fetched: an earlier run ended before their links answered."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.dataset.layout import Layout
from batchgen.dataset.parts import fingerprint_keys, iterate
from batchgen.dataset.records import IndexRecord
from batchgen.dataset.schema import to_records
from batchgen.dataset.states import Known, State
from batchgen.values import ErrorKind


def unfetched(layout: Layout, known: Known, extra_schema: bytes) -> list[IndexRecord]:
    """Return the slots whose image waits at its link. Raises DamagedIndex."""
    waiting = known.keys[known.states == State.UNFETCHED]
    found: list[IndexRecord] = []
    if not len(waiting):
        return found
    parts = known.parts[known.states == State.UNFETCHED]
    for number in np.unique(parts).tolist():
        for batch in iterate(layout.part(number)):
            here = np.isin(fingerprint_keys(batch.column("fingerprint")), waiting[parts == number])
            slots = pc.and_(pa.array(here), pc.equal(batch.column("error_kind"), ErrorKind.NOT_FETCHED))
            rows = batch.filter(slots)
            if len(rows):
                found.extend(to_records(pa.Table.from_batches([rows]), extra_schema))
    return found
