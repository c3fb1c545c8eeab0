"""DataFrames of pandas as a manifest. A column that Arrow cannot take is text, each value as JSON."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from batchgen.core.errors import ManifestError
from batchgen.core.label_types import as_text, storable
from batchgen.core.problems import Problem
from batchgen.manifest.arrow_source import ArrowManifest, batch_rows_of
from batchgen.manifest.source import check_header

_REFUSED = (pa.ArrowException, TypeError, ValueError, OverflowError)
_MIXED = "mixed types"


def open_dataframe(frame: object) -> ArrowManifest:
    """Open a pandas DataFrame; its index is left out.

    Raises:
        ManifestError: it is no DataFrame, or its columns cannot be used.
    """
    name = "DataFrame"
    if not isinstance(frame, pd.DataFrame):
        raise ManifestError(
            [Problem("E006", name, f"expected a path or a pandas DataFrame, not {type(frame).__name__}")]
        )
    columns = [str(column) for column in frame.columns]
    check_header(name, columns)
    found = [_column(frame.iloc[:, index]) for index in range(len(columns))]
    table = pa.table([column for column, _ in found], columns)
    schema = pa.schema([(field.name, storable(field.type)) for field in table.schema])
    batch_rows = batch_rows_of(table.nbytes, table.num_rows)
    sources = [(kind,) for _, kind in found]
    return ArrowManifest(name, schema, sources, table.num_rows, batches=lambda: iter(table.to_batches(batch_rows)))


def _column(values: pd.Series) -> tuple[pa.Array | pa.ChunkedArray, pa.DataType | str]:
    """A column as Arrow has it, and what it was."""
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.astype(values.dtype.subtype)
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.astype("string")
    try:
        array = pa.array(values, from_pandas=True)
        return array, array.type
    except _REFUSED:
        missing = values.isna().tolist()
        cells = zip(values.tolist(), missing, strict=True)
        return pa.array([None if is_missing else _text(value) for value, is_missing in cells], pa.string()), _MIXED


def _text(value: object) -> str | None:
    text = as_text(value)
    return text and text.encode("utf-8", "replace").decode()
