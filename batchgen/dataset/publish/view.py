"""The dataset as people load it: metadata.parquet, described by README.md for people and croissant.json for machines.

The view has the saved images of the rows that the manifest holds now. Pictures of rows that were
changed or removed stay on disk and in the index, but are not part of the dataset any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.keys import Keys, Mask
from batchgen.core.outcomes import Status
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.index.parts import iterate, open_part, read_part
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import CARD, CROISSANT, VIEW, Layout
from batchgen.dataset.publish.card import render_card
from batchgen.dataset.publish.croissant import render_croissant
from batchgen.dataset.publish.hf_schema import hf_schema, to_hf
from batchgen.dataset.publish.row_group_cache import Schema, SectionedView, remember
from batchgen.dataset.publish.stats import Counts, count, gather

# Tells of keys of requests which of them the view shows.
Shows = Callable[[Keys], Mask]


def write_view(layout: Layout, shows: Shows, run_id: str) -> None:
    """Write metadata.parquet, README.md and croissant.json from the index's parts.

    What the run `run_id` made is shown as well.
    """
    paths = list(layout.parts().values())
    schemas = []
    for path in paths:
        with open_part(path) as part:
            schemas.append(part.schema_arrow)
    schema = unify([INDEX_SCHEMA, *schemas]).remove_metadata()
    loadable = hf_schema(schema)

    with layout.store.put_stream(VIEW) as file:
        view = SectionedView(file, layout, loadable)
        for path in paths:
            shown = _shown(path, shows, run_id)
            source = _source(path, shown)
            if not view.keep(source):
                counts = Counts()
                view.add(source, _tables(path, shown, schema, loadable, counts), counts)
        if not paths:
            view.add(b"", (), Counts())
        view.finish()
    stats, name = gather(layout, [section.counts for section in view.sections]), layout.root.resolve().name
    layout.store.put(CARD, render_card(name, stats, loadable).encode())
    layout.store.put(CROISSANT, render_croissant(name, layout.view, stats, loadable))
    with suppress(OSError):  # the dataset is whole without; the next view is then made from nothing
        remember(layout, loadable, view.sections)


def _shown(path: Path, shows: Shows, run_id: str) -> Mask:
    """Which records of a part the view has."""
    with open_part(path) as part:
        table = read_part(path, part, ["status", "run_id", "fingerprint"])
    saved: Mask = pc.equal(table["status"], Status.OK).to_numpy()
    made_now = pc.equal(table["run_id"], run_id).to_numpy()
    shown: Mask = saved & (made_now | shows(fingerprint_keys(table["fingerprint"])))
    return shown


def _source(path: Path, shown: Mask) -> bytes:
    """What a section is made of: a part, byte by byte, and which of its records are shown."""
    with path.open("rb") as part:
        return file_digest(part, "sha256").digest() + sha256(np.packbits(shown).tobytes()).digest()


def _tables(path: Path, shown: Mask, schema: Schema, loadable: Schema, counts: Counts) -> Iterator[pa.Table]:
    """The records of a part that are shown, as the view has them; they are added to `counts`."""
    start = 0
    for batch in iterate(path):
        wanted = batch.filter(pa.array(shown[start : start + len(batch)]))
        start += len(batch)
        if len(wanted):
            table = conform(pa.Table.from_batches([wanted]), schema)
            counts.add(count(table))
            yield to_hf(table, loadable)
