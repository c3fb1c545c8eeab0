"""The dataset as people load it: metadata.parquet, described by README.md for people and croissant.json for machines.

The view has the saved images of the rows that the manifest holds now. Pictures of rows that were
changed or removed stay on disk and in the index, but are not part of the dataset any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.dataset import disk
from batchgen.dataset.card import render_card
from batchgen.dataset.croissant import render_croissant
from batchgen.dataset.facts import Counting
from batchgen.dataset.keys import Keys, contained, fingerprint_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.loadable import loadable_schema, to_loadable
from batchgen.dataset.parts import iterate, open_part, write_parquet
from batchgen.dataset.schema import INDEX_SCHEMA, conform, unify
from batchgen.values import Status


def write_view(layout: Layout, current: Keys | None, run_id: str) -> None:
    """Write metadata.parquet, README.md and croissant.json from the index's parts.

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
                    table = conform(pa.Table.from_batches([shown]), schema)
                    counting.add(table)
                    yield to_loadable(table, loadable)

    loadable, counting = loadable_schema(schema), Counting()
    temporary = layout.temporary / layout.view.name
    write_parquet(temporary, saved(), loadable)
    disk.publish(temporary, layout.view)
    facts, name = counting.facts(layout), layout.root.resolve().name
    _publish(layout, layout.card, render_card(name, facts, loadable).encode())
    _publish(layout, layout.croissant, render_croissant(name, layout.view, facts, loadable))


def _publish(layout: Layout, path: Path, text: bytes) -> None:
    temporary = layout.temporary / path.name
    disk.write_file(temporary, text)
    disk.publish(temporary, path)


def _shown(batch: pa.RecordBatch, current: Keys | None, run_id: str) -> pa.Array:
    saved = pc.equal(batch.column("status"), Status.OK)
    if current is None:
        return saved
    wanted = pc.equal(batch.column("run_id"), run_id)
    asked_for = contained(fingerprint_keys(batch.column("fingerprint")), current)
    return pc.and_(saved, pc.or_(wanted, pa.array(asked_for)))
