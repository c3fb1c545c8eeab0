"""What a run does with the index at its clean stop: labels as the manifest has them now, one schema, and the view."""

from __future__ import annotations

from batchgen.core.keys import Keys
from batchgen.core.labels import LabelUpdates
from batchgen.dataset.index.alignment import align, narrow
from batchgen.dataset.index.cell_labels import index_labels
from batchgen.dataset.index.label_updates import update_labels
from batchgen.dataset.layout import Layout
from batchgen.dataset.publish.label_digests import forget_digests, keep_digests
from batchgen.dataset.publish.view import write_view


def publish(layout: Layout, gone: Keys | None, updates: LabelUpdates | None, run_id: str) -> None:
    """Bring parts and view up to date; the arguments are those of `DatasetWriter.close`. Raises DamagedIndex, OSError.

    run_id: of the run that stops.
    """
    if gone is None or updates is None:
        align(layout)
        forget_digests(layout)
        write_view(layout, gone, run_id)
        return
    labels = index_labels(updates.schema, updates.cell_types)
    update_labels(layout, updates)
    if updates.cell_types is not None:
        narrow(layout, labels)
    align(layout, labels)
    write_view(layout, gone, run_id, labels)
    keep_digests(layout, updates.digests)
