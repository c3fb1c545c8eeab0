"""The manifest's own columns in the index: joined to records when a part is written."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from batchgen.core.keys import Keys
from batchgen.core.labels import LabelSource
from batchgen.dataset.index.cell_labels import added
from batchgen.dataset.index.keys import SLOT_COLUMNS, slot_keys
from batchgen.dataset.index.parts import open_part, read_part
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, own_columns, unify, with_own_columns
from batchgen.dataset.layout import Layout

# A column that is always there, so that a table without labels has its rows all the same.
_CARRIER = "fingerprint"


def joined(layout: Layout, table: pa.Table, labels: LabelSource) -> pa.Table:
    """Return records with the labels of their rows; a row that this run does not send keeps those of its older record.

    Raises DamagedIndex, DiskError.
    """
    row_numbers = table["row_number"].to_numpy()
    own = table.select([_CARRIER])
    if len(labels.schema):
        own = with_own_columns(own, added(layout, labels.labels(row_numbers), labels.cell_types))
    older = np.flatnonzero(~labels.known(row_numbers))
    if len(older):
        kept = _labels_of(layout, slot_keys(table)[older])
        schema = unify([own.schema, kept.schema])
        places = np.arange(len(own))
        places[older] = len(own) + np.arange(len(older))
        own = pa.concat_tables([conform(own, schema), conform(kept, schema)]).take(pa.array(places))
    return with_own_columns(table, own_columns(own))


def _labels_of(layout: Layout, slots: Keys) -> pa.Table:
    """The labels of slots as the newest part has them, in the order of `slots`; nulls where none has them."""
    places = np.full(len(slots), -1, np.int64)
    found = [pa.table([pa.array([], pa.string())], [_CARRIER])]
    for file in reversed(layout.parts().values()):
        if (places >= 0).all():
            break
        with open_part(file) as part:
            keys = slot_keys(read_part(file, part, SLOT_COLUMNS))
            order = np.argsort(keys, kind="stable")
            at = order[np.minimum(np.searchsorted(keys, slots, sorter=order), len(keys) - 1)]
            hit = np.flatnonzero((places < 0) & (keys[at] == slots))
            if len(hit):
                names = [name for name in part.schema_arrow.names if name not in INDEX_SCHEMA.names]
                places[hit] = sum(map(len, found)) + np.arange(len(hit))
                found.append(read_part(file, part, [_CARRIER, *names]).take(pa.array(at[hit])))
    schema = unify([table.schema for table in found])
    return pa.concat_tables([conform(table, schema) for table in found]).take(pa.array(places, mask=places < 0))
