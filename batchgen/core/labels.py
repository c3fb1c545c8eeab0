"""Labels: the manifest's own columns, which say something of an image and ask for nothing.

They belong to the manifest of today. So they are not written with what was bought, but joined to it when parts of
the index are sealed (`LabelSource`), and brought up to date where they changed since (`LabelUpdates`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from batchgen.core.keys import Keys, Mask

if TYPE_CHECKING:
    import pyarrow as pa

    from batchgen.core.cell_types import CellTypes

Numbers = npt.NDArray[np.int64]


class LabelSource(Protocol):
    """The labels of the rows that a run sends. May be asked from any thread. Raises DiskError."""

    @property
    def schema(self) -> pa.Schema:
        """The label columns as `labels` gives them, in the manifest's order; all may be null."""

    @property
    def cell_types(self) -> CellTypes | None:
        """The types of labels that are cells of text here, as far as known; None if labels have types of their own."""

    def labels(self, row_numbers: Sequence[int] | Numbers) -> pa.Table:
        """Return one row for each row number, in that order; nulls for a row that is not known."""

    def known(self, row_numbers: Sequence[int] | Numbers) -> Mask:
        """Return for each row number whether its labels are known."""


@dataclass(frozen=True, slots=True)
class LabelBatch:
    """Labels of some thousand requests that earlier runs sent, one entry each, with where their rows stand today.

    keys: of their fingerprints. lines: 1-based line (CSV) or row. labels: a `pa.RecordBatch`.
    """

    keys: Keys
    row_numbers: Numbers
    lines: Numbers
    labels: pa.RecordBatch


class LabelUpdates(Protocol):
    """What the manifest says today of requests that earlier runs sent, where it said something else before.

    digests: of each chunk of the manifest, in order, and of the types that cells of text have; complete once the whole
    manifest was read. A run that finds the digest that the last clean stop stored, at the same place, leaves the chunk
    out of `batches`, if the types are the same.
    """

    @property
    def schema(self) -> pa.Schema:
        """The schema of the labels, as `batches` gives them."""

    @property
    def cell_types(self) -> CellTypes | None:
        """As that of `LabelSource`, decided."""

    @property
    def digests(self) -> Sequence[bytes]:
        """Digests of 16 bytes."""

    def batches(self) -> Iterator[LabelBatch]:
        """Read back what changed, in the manifest's order. Raises DiskError."""
