"""Images that were paid for and not yet fetched: an earlier run ended before their links answered."""

from __future__ import annotations

import pyarrow.compute as pc

from batchgen.core.outcomes import ErrorKind
from batchgen.core.resume import RequestState
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import to_records
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.resume_index import ResumeIndex
from batchgen.dataset.read.snapshot import latest


def deferred(layout: Layout, resume_index: ResumeIndex) -> list[IndexRecord]:
    """Return the slots whose image waits at its link. Raises DamagedIndex."""
    waiting = resume_index.keys[resume_index.states == RequestState.DEFERRED]
    found: list[IndexRecord] = []
    if len(waiting):
        for table in latest(layout, None, waiting):
            slots = pc.fill_null(pc.equal(table["error_kind"], ErrorKind.NOT_FETCHED), False)
            found.extend(to_records(table.filter(slots)))
    return found
