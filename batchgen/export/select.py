"""Which images an export takes, and into which split each of them goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from batchgen.core.errors import EmptySelection
from batchgen.dataset.index.keys import text_keys
from batchgen.dataset.layout import VIEW
from batchgen.export.groups import group
from batchgen.export.source import OpenDataset, Positions
from batchgen.export.split import EVERYTHING, Share, assign, prompt_hashes, refuse_names
from batchgen.export.where import matching

# For each split, in the user's order, the rows that go into it.
Chosen = Mapping[str, Positions]

# Splits are few: a column of more values is one of something else.
_MAX_SPLITS = 100


@dataclass(frozen=True, slots=True)
class SplitColumn:
    """Each image goes into the split that this column of the dataset says."""

    name: str


def select(source: OpenDataset, where: str | None = None, splits: Sequence[Share] | SplitColumn = EVERYTHING) -> Chosen:
    """Return what to export. where: an expression over the dataset's columns, None for all images.

    Raises ExportError, EmptySelection.
    """
    positions = np.arange(source.rows)
    if where is not None:
        with source.layout.store.as_path(VIEW) as view:
            names = matching(view, where)
        positions = np.flatnonzero(pc.is_in(source.read(["file_name"])["file_name"], value_set=names).to_numpy())
    if not len(positions):
        raise EmptySelection(_why_empty(source, where))
    if isinstance(splits, SplitColumn):
        option = f"--split-column {splits.name}"
        names, numbers = group(source, positions, splits.name, option, _MAX_SPLITS)
        refuse_names(names, option)
    elif len(splits) == 1:
        return {splits[0].name: positions}
    else:
        names, numbers = [share.name for share in splits], _assign(source, positions, splits)
    return {name: positions[numbers == number] for number, name in enumerate(names)}


def _assign(source: OpenDataset, positions: Positions, shares: Sequence[Share]) -> npt.NDArray[np.int64]:
    """Return the number of each image's share. Rows and prompts are held as keys: of ten million, 80 MB each."""
    rows, prompts = np.empty(len(positions), np.uint64), np.empty(len(positions), np.uint64)
    end = 0
    for batch in source.records(positions, ["row_id", "prompt"]):
        rows[end : end + len(batch)] = text_keys(batch.column("row_id"))
        prompts[end : end + len(batch)] = prompt_hashes(batch.column("prompt"))
        end += len(batch)
    return assign(rows, prompts, shares)


def all_of(chosen: Chosen) -> Positions:
    """Return the rows of all splits, ascending."""
    return np.sort(np.concatenate(list(chosen.values())))


def _why_empty(source: OpenDataset, where: str | None) -> str:
    if where is None or not source.rows:
        return f"{source.layout.store} has no saved image: nothing to export."
    return (
        f"None of the {source.rows:,} images matches --where {where!r}. Only saved images of the current manifest"
        " are exported, those whose status is ok."
    )
