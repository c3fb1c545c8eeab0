"""DataFrames of pandas as a manifest. A column that Arrow cannot take is text, each value as JSON."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd
import pyarrow as pa

from batchgen.manifest.arrow_source import ArrowManifest
from batchgen.manifest.memory_source import TypedColumn, open_columns
from batchgen.manifest.python_values import MIXED, REFUSED, as_array, is_deep, refuse_endless


def open_dataframe(frame: pd.DataFrame, prompt: str = "prompt") -> ArrowManifest:
    """Open a pandas DataFrame; its index is left out. Raises ManifestError if its columns cannot be used."""
    names = [str(column) for column in frame.columns]
    for index, name in enumerate(names):
        if frame.dtypes.iloc[index] == "object":
            refuse_endless("DataFrame", name, frame.iloc[:, index].tolist())
    return open_columns("DataFrame", names, [_column(frame.iloc[:, index]) for index in range(len(names))], prompt)


def _column(values: pd.Series) -> TypedColumn:
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.astype(values.dtype.subtype)
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.astype("string")
    if not (values.dtype == "object" and is_deep(values.tolist())):
        with suppress(*REFUSED):
            array = pa.array(values, from_pandas=True)
            return array, [array.type]
    cells = zip(values.tolist(), values.isna().tolist(), strict=True)
    return as_array([None if is_missing else value for value, is_missing in cells], pa.string()), [MIXED]
