"""Which jobs of a service a dataset knows already: those are nobody's lost ones."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest


def known_jobs(layout: Layout, job_ids: Collection[str]) -> set[str]:
    """Return those ids that are in the index, or in the WAL of the run that goes on. Raises DamagedIndex."""
    wanted, known = pa.array(sorted(job_ids), pa.string()), set[str]()
    if job_ids:
        for table in latest(layout, ["inference_id"]):
            ids = table["inference_id"]
            known.update(ids.filter(pc.fill_null(pc.is_in(ids, wanted), False)).to_pylist())
    return known
