"""Keeps a run from writing over files that are somebody else's.

A dataset has names that other folders have too: a README.md above all. Where there is no sign of a dataset, such a
file is the user's own, and the run is refused before anything is written or sent.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import NotADataset
from batchgen.dataset.layout import VIEW, Layout


def refuse_foreign_files(layout: Layout) -> None:
    """Raise NotADataset if this is no folder, or holds files that no run wrote and this one would write over."""
    if layout.root.is_symlink() and not layout.root.exists():
        target = layout.root.readlink()
        raise NotADataset(
            f"{layout.root} is a link to {target}, which does not exist. "
            f"Make that folder, mount its disk, or choose another folder (-o)."
        )
    if layout.root.exists() and not layout.root.is_dir():
        raise NotADataset(f"{layout.root} is a file; a dataset is a folder: give one with -o.")
    if layout.state.exists() or layout.index.exists() or _is_own_view(layout):
        return
    written = (layout.view, layout.card, layout.croissant, layout.gallery_page)
    foreign = ", ".join(path.name for path in written if path.exists())
    if foreign:
        raise NotADataset(
            f"{layout.root} is no dataset, and a run would write over what it holds: {foreign}. "
            "Choose a new folder for the dataset (-o)."
        )


def _is_own_view(layout: Layout) -> bool:
    """A view is the last that is left of a dataset whose index was deleted."""
    try:
        with layout.store.open(VIEW) as view:
            return {"fingerprint", "image_number"} <= set(pq.read_schema(view).names)
    except (OSError, pa.ArrowException):
        return False
