"""The dataset as people load it: metadata.parquet, and a README.md that makes `load_dataset(OUT)` work.

The view has the saved images of the rows that the manifest holds now. Pictures of rows that were
changed or removed stay on disk and in the index, but are not part of the dataset any more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.dataset import disk
from batchgen.dataset.card import render_card
from batchgen.dataset.layout import Layout
from batchgen.dataset.loadable import loadable_schema, to_loadable
from batchgen.dataset.parts import Keys, fingerprint_keys, iterate, open_part, write_parquet
from batchgen.dataset.schema import INDEX_SCHEMA, conform, unify
from batchgen.values import Status


def write_view(layout: Layout, current: Keys | None, run_id: str) -> None:
    """Write metadata.parquet and README.md from the index's parts.

    current: sorted keys of the requests to show, beside those of the run `run_id`; None shows all.
    """
    paths = list(layout.parts().values())
    schemas = []
    for path in paths:
        with open_part(path) as part:
            schemas.append(part.schema_arrow)
    schema = unify([INDEX_SCHEMA, *schemas]).remove_metadata()

    def saved() -> Iterator[pa.Table]:
        for path in paths:
            for batch in iterate(path):
                shown = batch.filter(_shown(batch, current, run_id))
                if len(shown):
                    yield to_loadable(conform(pa.Table.from_batches([shown]), schema), loadable)

    loadable = loadable_schema(schema)
    temporary = layout.temporary / layout.view.name
    write_parquet(temporary, saved(), loadable)
    disk.publish(temporary, layout.view)
    card = layout.temporary / layout.card.name
    disk.write_file(card, render_card(layout.view).encode())
    disk.publish(card, layout.card)


def _shown(batch: pa.RecordBatch, current: Keys | None, run_id: str) -> pa.Array:
    saved = pc.equal(batch.column("status"), Status.OK)
    if current is None:
        return saved
    wanted = pc.equal(batch.column("run_id"), run_id)
    if len(current):
        keys = fingerprint_keys(batch.column("fingerprint"))
        positions = np.minimum(np.searchsorted(current, keys), len(current) - 1)
        wanted = pc.or_(wanted, pa.array(current[positions] == keys))
    return pc.and_(saved, wanted)

