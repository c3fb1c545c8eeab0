"""Pruning: what a manifest does not ask for any more, and its removal."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pyarrow as pa

from batchgen._api.approved import read_approved
from batchgen._api.disk import disk_errors
from batchgen._api.job import Job, make_selection, open_job
from batchgen._api.progress import Advance, ignore
from batchgen._api.settings import Columns, Settings, load_settings, with_columns
from batchgen.core.errors import ManifestError, UsageError
from batchgen.core.keys import NO_KEYS
from batchgen.core.place import refuse_bucket
from batchgen.dataset.index.keys import text_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.read import resume_index
from batchgen.dataset.read.completeness import refuse_incomplete_at_rest
from batchgen.dataset.read.snapshot import open_layout
from batchgen.dataset.repair.cost_corrections import held
from batchgen.dataset.repair.prune import Prunable, Wanted, prunable, remove
from batchgen.manifest import ManifestSource
from batchgen.planning import read_rows
from batchgen.planning.batch import RowBatch
from batchgen.planning.plan import make_plan
from batchgen.planning.selection import Classified

__all__ = ["Prunable", "Pruned", "prune"]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a manifest does not ask for any more.

    Attributes:
        images: the images that went, or would go.
        is_done: whether they are gone.
    """

    images: tuple[Prunable, ...]
    is_done: bool

    @property
    def size_bytes(self) -> int:
        """How much room they take."""
        return sum(image.size_bytes for image in self.images)


def prune(
    out: str | PathLike[str],
    manifest: ManifestSource,
    *,
    delete: bool = False,
    keep_last: int = 0,
    lock: str | PathLike[str] | None = None,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    columns: Columns | None = None,
    advance: Advance = ignore,
) -> Pruned:
    """Return the images that a manifest does not ask for any more, and remove them if that is wanted.

    An image goes if its row is gone, or has the image that it asks for now. What it cost stays in the index; a row that
    comes back buys it again.

    Args:
        out: the dataset's folder.
        manifest: what `run` takes; all that the dataset is made from.
        delete: whether to remove them.
        keep_last: of each row, the newest so many requests that are not asked for any more keep their images.
        lock: the images that this lock file approves stay, whatever the manifest says.
        config: a TOML file.
        settings: values by dotted name; they beat the file.
        columns: for a name that batchgen reads the manifest's own name of the column: {"prompt": "caption"}.
        advance: called with how many more images were removed, and how many there are to remove.

    Raises:
        UsageError: `keep_last` is below 0.
        NotADataset: the folder holds no dataset.
        ManifestError: the manifest cannot be read, or a row is wrong: its image might go for a slip of the pen.
        ConfigError: a setting is wrong, or the lock cannot be read.
        CatalogError: a model's file is wrong.
        Locked: a run is writing the dataset.
        DatasetError: the dataset cannot be read or written.
    """
    if keep_last < 0:
        raise UsageError(f"keep_last={keep_last}: give a whole number, 0 or more")
    refuse_bucket(out, "pruning is done in a folder")
    layout = open_layout(Path(out))
    approved = frozenset() if lock is None else frozenset(read_approved(lock).values())
    job = open_job(manifest, out, load_settings(config, with_columns(settings, columns)), make_selection())
    with disk_errors(out), held(layout) if delete else nullcontext():
        images = tuple(prunable(layout, _wanted(layout, job, approved), keep_last))
        if delete:
            remove(layout, images, lambda gone: advance(gone, len(images)))
    return Pruned(images, delete)


def _wanted(layout: Layout, job: Job, approved: frozenset[str]) -> Wanted:
    refuse_incomplete_at_rest(layout)
    ids = _RowIds()
    plan = make_plan(read_rows(job.manifest, job.rules), resume_index.load(layout), job.selection, sinks=[ids])
    if plan.errors:
        raise ManifestError(problem for problem in plan.problems if problem.is_error)
    return Wanted(plan.gone, np.unique(np.concatenate(ids.keys)), approved)


class _RowIds:
    """Keeps the ids of a manifest's rows, as keys."""

    def __init__(self) -> None:
        self.keys = [NO_KEYS]

    def add(self, batch: RowBatch, classified: Classified) -> None:
        """Take the next batch."""
        del classified
        self.keys.append(text_keys(pa.array(batch.row_ids, pa.string())))
