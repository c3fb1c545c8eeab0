"""What the dataset view still knows of records whose index part is gone: those of the saved images."""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np
import pyarrow as pa

from batchgen.core.errors import DamagedIndex
from batchgen.core.keys import NO_KEYS, Finder, Keys
from batchgen.dataset.index.keys import SLOT_COLUMNS, slot_keys
from batchgen.dataset.index.parts import open_part, read_part
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import VIEW, Layout
from batchgen.store import StoredFile


def slots_in_view(layout: Layout) -> Keys:
    """Return the keys of the slots that the view shows; none where there is no view that can be read."""
    slots = _readable(layout.file(VIEW), SLOT_COLUMNS)
    return NO_KEYS if slots is None else slot_keys(slots)


def only_in_view(layout: Layout, without: Container[StoredFile] = ()) -> pa.Table:
    """Return the view's records of slots that no readable part speaks of, as records of the index.

    without: parts that are passed over. Only sensible while no run is writing. Raises DiskError.
    """
    shown = slots_in_view(layout)
    parts = [_readable(file, SLOT_COLUMNS) for file in layout.parts().values() if file not in without]
    there = np.sort(np.concatenate([NO_KEYS, *(slot_keys(table) for table in parts if table is not None)]))
    alone = ~Finder(there).contains(shown)
    view = _readable(layout.file(VIEW), None) if alone.any() else None
    if view is None:
        return INDEX_SCHEMA.empty_table()
    records = view.filter(pa.array(alone))
    return conform(records, unify([INDEX_SCHEMA, records.schema]))


def _readable(file: StoredFile, columns: Sequence[str] | None) -> pa.Table | None:
    try:
        with open_part(file) as part:
            return read_part(file, part, columns)
    except (FileNotFoundError, DamagedIndex):
        return None
