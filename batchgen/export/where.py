"""`--where`: an expression of SQL over the columns of the dataset, understood by DuckDB.

The expression is a value, not a statement, and DuckDB is locked in: no files, no network, no extensions.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset

from batchgen.core.errors import ExportError

_LOCKED_IN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "lock_configuration": True,
}


def matching(view: Path, expression: str, said_by: str = "--where") -> pa.Array:
    """Return the file names of the images for which an expression is true. said_by: who says it, for messages.

    Raises ExportError: DuckDB is not installed, or does not understand the expression.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        message = f"{said_by} needs DuckDB. Install it with: pip install 'batchgen[export]'"
        raise ExportError(message) from None
    try:
        with duckdb.connect(":memory:", config=_LOCKED_IN) as connection:
            images = connection.from_arrow(pyarrow.dataset.dataset(view))
            names = images.filter(expression).project("file_name").to_arrow_table()
    except duckdb.Error as error:
        reason = str(error).expandtabs(2).strip()
        message = (
            f"{said_by} {expression!r} is no condition on this dataset: {reason}\nIts columns are those of {view}."
        )
        raise ExportError(message) from error
    return names["file_name"].combine_chunks()
