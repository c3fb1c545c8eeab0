"""A dataset in the hands of Python code: its index as a DataFrame, its images, its summary. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.outcomes import Status
from batchgen.core.place import Place, as_place
from batchgen.dataset.index.schema import INDEX_SCHEMA, conform, unify
from batchgen.dataset.layout import layout_at
from batchgen.dataset.read.completeness import refuse_incomplete_at_rest
from batchgen.dataset.read.missing import MissingSlot, missing_slots
from batchgen.dataset.read.snapshot import latest, open_layout
from batchgen.dataset.read.summary import DatasetSummary, summarise

if TYPE_CHECKING:
    import pandas as pd

# Few values, many rows: as categories they take a byte or two each instead of a string.
_CATEGORIES = (
    "status",
    "seed_source",
    "model",
    "aspect_ratio",
    "mime_type",
    "error_kind",
    "cost_source",
    "run_id",
    "batchgen_version",
    "manifest",
)


class Dataset:
    """A dataset on disk, also while a run is writing it. Made by `batchgen.open_dataset`."""

    def __init__(self, out: str | PathLike[str]) -> None:
        open_layout(out)  # what is wrong with it is said by the name that was given
        place = as_place(out)
        self._path = place.absolute() if isinstance(place, Path) else place
        self._layout = layout_at(self._path)

    @property
    def path(self) -> Place:
        """The dataset's folder, from the root of the file system; of one in a bucket its address, as text."""
        return self._path

    def index(self) -> pd.DataFrame:
        """Return the newest record of every image asked for, in the manifest's order, whatever its status.

        Whole numbers that may be missing are pandas' nullable integers, columns of few values categories,
        times are in UTC, and the manifest's own columns have their own types. Raises DatasetError.
        """
        import pandas as pd

        refuse_incomplete_at_rest(self._layout)
        tables = list(latest(self._layout, None)) or [INDEX_SCHEMA.empty_table()]
        schema = unify([INDEX_SCHEMA, *(table.schema for table in tables)])
        table = pa.concat_tables([conform(table, schema) for table in tables])
        order = [("row_number", "ascending"), ("request_number", "ascending"), ("image_number", "ascending")]
        table = table.sort_by(order)
        for name in _CATEGORIES:
            position = table.column_names.index(name)
            table = table.set_column(position, name, pc.dictionary_encode(table[name]))
        nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}
        frame: pd.DataFrame = table.to_pandas(types_mapper=nullable.get)
        return frame

    def images(self) -> Iterator[tuple[Mapping[str, Any], Place]]:
        """Yield every saved image as its index record and the path of its file, newest part first.

        In a bucket the path is the address of the object, as text.

        Raises DatasetError.
        """
        refuse_incomplete_at_rest(self._layout)
        for table in latest(self._layout, None):
            saved = table.filter(pc.equal(table["status"], Status.OK))
            for batch in saved.to_batches(1024):
                for record in batch.to_pylist():
                    yield record, self._place_of(record["file_name"])

    def _place_of(self, name: str) -> Place:
        return self._path / name if isinstance(self._path, Path) else f"{self._path}/{name}"

    def missing(self) -> Iterator[MissingSlot]:
        """Yield every image that was asked for and is not there, with the reason and what makes it.

        Raises DatasetError.
        """
        return missing_slots(self._layout)

    def summary(self) -> DatasetSummary:
        """Count slots by status, costs, errors and runs. Raises DatasetError."""
        return summarise(self._layout)

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r})"
