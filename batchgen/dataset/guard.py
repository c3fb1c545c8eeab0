"""Keeps a run from writing over files that are somebody else's.

A dataset has names that other folders have too: a README.md above all. Where there is no sign of a dataset, such a
file is the user's own, and the run is refused before anything is written or sent.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import NotADataset
from batchgen.dataset.layout import CARD, CROISSANT, GALLERY_PAGE, INDEX, STATE, VIEW, Layout


def refuse_foreign_files(layout: Layout) -> None:
    """Raise NotADataset if this is no folder, or holds files that no run wrote and this one would write over."""
    store = layout.store
    store.refuse_place()
    if any(True for prefix in (STATE, INDEX) for _ in store.list(prefix)) or _is_own_view(layout):
        return
    foreign = ", ".join(name for name in (VIEW, CARD, CROISSANT, GALLERY_PAGE) if store.is_taken(name))
    if foreign:
        raise NotADataset(
            f"{store} is no dataset, and a run would write over what it holds: {foreign}. "
            "Choose a new folder for the dataset (-o)."
        )


def _is_own_view(layout: Layout) -> bool:
    """A view is the last that is left of a dataset whose index was deleted."""
    try:
        with layout.store.open(VIEW) as view:
            return {"fingerprint", "image_number"} <= set(pq.read_schema(view).names)
    except (OSError, pa.ArrowException):
        return False
