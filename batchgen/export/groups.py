"""Images grouped by what a column of theirs says: into splits, or into folders of classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from batchgen.core.errors import ExportError
from batchgen.core.format import count
from batchgen.export.columns import known_column
from batchgen.export.plain import as_text
from batchgen.export.source import OpenDataset, Positions

_FILL = "Fill it in the manifest and run it again, which costs nothing, or leave such images out with --where."


def group(
    source: OpenDataset, positions: Positions, column: str, option: str, most: int
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the values of a column as text, in the order of the images, and for each image the number of its value.

    Args:
        source: The dataset.
        positions: Of which images.
        column: The column's name, as the user wrote it.
        option: What named the column, for messages.
        most: How many values there may be; more make no groups.

    Raises:
        ExportError: there is no such column, an image has no value, there are too many values, or the table is damaged.
    """
    name = known_column(column, source.schema, option)
    numbers: dict[str, int] = {}
    found = np.empty(len(positions), np.int64)
    end = 0
    for batch in source.records(positions, [name]):
        texts = [as_text(value) for value in batch.column(name).to_pylist()]
        found[end : end + len(texts)] = [numbers.setdefault(text, len(numbers)) for text in texts]
        end += len(texts)
        if len(numbers) > most:
            raise ExportError(f"{option}: the column has more than {most:,} values, too many to divide images by")
    if "" in numbers:
        without = count(int(np.count_nonzero(found == numbers[""])), "image")
        raise ExportError(f"{option}: the cell is empty for {without} of {len(found):,}. {_FILL}")
    return list(numbers), found
