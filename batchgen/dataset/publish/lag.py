"""How far the view lags behind: it is written at the clean stop of a run, and shows the manifest of that run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.keys import Finder, Keys
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.layout import VIEW, Layout
from batchgen.dataset.publish.view_state import digest_of, load


@dataclass(frozen=True, slots=True)
class ViewLag:
    """What the view does not show as the manifest asks for.

    Attributes:
        exists: whether there is a view at all.
        unfinished: whether a run is writing the dataset, or was cut off: its images are not in the view.
        removed: images in the view that the manifest does not ask for any more.
        returned: whether the view leaves out other requests than the manifest does, as rows that are back again.
    """

    exists: bool
    unfinished: bool
    removed: int = 0
    returned: bool = False

    @property
    def lags(self) -> bool:
        """Whether the next run changes the view even if it buys nothing."""
        return self.unfinished or self.removed > 0 or self.returned


def view_lag(layout: Layout, gone: Keys) -> ViewLag:
    """Return how the view differs from a manifest.

    Args:
        layout: the dataset's.
        gone: sorted keys of the requests in the index that the manifest does not ask for.
    """
    unfinished = bool(layout.segments())
    state = load(layout)
    is_known = state is not None and state.has_written(layout)
    if state is not None and is_known and state.gone == digest_of(gone):
        return ViewLag(exists=True, unfinished=unfinished)
    try:
        with layout.store.open(VIEW) as file, pq.ParquetFile(file) as view:
            if "fingerprint" not in view.schema_arrow.names:  # another program wrote it
                return ViewLag(exists=False, unfinished=unfinished)
            batches = view.iter_batches(columns=["fingerprint"])
            finder = Finder(gone)
            removed = sum(
                int(np.count_nonzero(finder.contains(fingerprint_keys(batch.column(0))))) for batch in batches
            )
    except (OSError, pa.ArrowException):
        return ViewLag(exists=False, unfinished=unfinished)
    # Where the manifest was not read, the view kept what it had left out before.
    returned = not removed and state is not None and is_known and state.gone != b""
    return ViewLag(True, unfinished, removed, returned)
