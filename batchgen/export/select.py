"""Which images an export takes, and into which split each of them goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.errors import EmptySelection
from batchgen.export.groups import group
from batchgen.export.source import OpenDataset, Positions
from batchgen.export.split import EVERYTHING, Share, assign, refuse_names
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
    table = source.read(["file_name", "row_id", "prompt"])
    positions = np.arange(len(table))
    if where is not None:
        names = matching(source.layout.view, where)
        positions = np.flatnonzero(pc.is_in(table["file_name"], value_set=names).to_numpy())
        table = table.take(pa.array(positions))
    if not len(positions):
        raise EmptySelection(_why_empty(source, where))
    if isinstance(splits, SplitColumn):
        option = f"--split-column {splits.name}"
        names, numbers = group(source, positions, splits.name, option, _MAX_SPLITS)
        refuse_names(names, option)
    else:
        names, numbers = [share.name for share in splits], assign(table["row_id"], table["prompt"], splits)
    return {name: positions[numbers == number] for number, name in enumerate(names)}


def all_of(chosen: Chosen) -> Positions:
    """Return the rows of all splits, ascending."""
    return np.sort(np.concatenate(list(chosen.values())))


def _why_empty(source: OpenDataset, where: str | None) -> str:
    if where is None or not source.rows:
        return f"{source.layout.root} has no saved image: nothing to export."
    return (
        f"None of the {source.rows:,} images matches --where {where!r}. Only saved images of the current manifest"
        " are exported, those whose status is ok."
    )
