"""Tables that Python programs have, as a manifest: of pandas, polars, Arrow and Hugging Face, and lists of dicts.

Nothing of theirs is imported but pyarrow, which reads whatever offers itself as a stream of Arrow. What can be read
once only is kept on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

import pyarrow as pa

from batchgen.core.errors import ManifestError
from batchgen.core.label_types import storable
from batchgen.core.problems import Problem
from batchgen.manifest.arrow_source import ArrowManifest, batch_rows_of
from batchgen.manifest.memory_source import open_columns, typed
from batchgen.manifest.python_values import refuse_endless
from batchgen.manifest.source import check_header
from batchgen.manifest.spool import keep

if TYPE_CHECKING:
    import pandas as pd

# What is no table yet, by package and class, and what makes one of it.
_ALMOST: Final = {
    ("polars", "LazyFrame"): "collect it first: frame.collect()",
    ("datasets", "DatasetDict"): "give one of its splits, as in datasets['train']",
    ("datasets", "IterableDatasetDict"): "give one of its splits as a list: list(datasets['train'])",
    ("datasets", "IterableDataset"): "it can be read once only; give a list of its rows: list(dataset)",
}
_EXPECTED: Final = (
    "expected a path, a DataFrame of pandas or polars, a table of Arrow, a Dataset of Hugging Face or a list of dicts"
)


def open_table(source: object, prompt: str = "prompt") -> ArrowManifest:
    """Open a table.

    Raises:
        ManifestError: it is none, or its columns cannot be used.
    """
    kind = type(source).__name__
    origins = {(one.__module__.partition(".")[0], one.__name__) for one in type(source).__mro__}
    for origin in origins & _ALMOST.keys():
        raise ManifestError([Problem("E006", kind, f"{_article(kind)} is no table yet; {_ALMOST[origin]}")])
    if ("pandas", "DataFrame") in origins:
        from batchgen.manifest.dataframe_source import open_dataframe

        return open_dataframe(cast("pd.DataFrame", source), prompt)
    if ("datasets", "Dataset") in origins:
        return _open_dataset(source, kind, prompt)
    if isinstance(source, list | tuple):
        return _open_rows(source, kind, prompt)
    if isinstance(source, pa.RecordBatchReader):
        return _open_arrow(_kept(source, kind), kind, prompt)
    if isinstance(source, pa.RecordBatch | pa.Table) or hasattr(source, "__arrow_c_stream__"):
        return _open_arrow(_table(source, kind), kind, prompt)
    raise ManifestError([Problem("E006", kind, f"{_EXPECTED}, not {kind}")])


def _open_rows(rows: Sequence[object], name: str, prompt: str) -> ArrowManifest:
    dicts: list[Mapping[object, object]] = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            text = f"row {number:,} is {_article(type(row).__name__)} and no dict"
            raise ManifestError([Problem("E026", name, text, number, 1)])
        dicts.append(row)
    if not dicts:
        raise ManifestError([Problem("E002", name, "the list is empty; it needs a dict for each row", 1, 1)])
    keys = list(dict.fromkeys(chain.from_iterable(dicts)))
    columns = []
    for key in keys:
        values = [_without_nan(row.get(key)) for row in dicts]
        refuse_endless(name, str(key), values)
        columns.append(typed(values))
    return open_columns(name, list(map(str, keys)), columns, prompt)


def _open_arrow(table: pa.Table, name: str, prompt: str) -> ArrowManifest:
    return open_columns(name, table.column_names, [(column, [column.type]) for column in table.columns], prompt)


def _open_dataset(dataset: Any, name: str, prompt: str) -> ArrowManifest:
    """A dataset of Hugging Face, which lies on disk: read in batches, in its own order."""
    schema = dataset.features.arrow_schema
    check_header(name, schema.names, prompt)
    kept = pa.schema([(field.name, storable(field.type)) for field in schema])
    batch_rows = batch_rows_of(dataset.data.nbytes, dataset.data.num_rows)
    batches = partial(_batches, dataset.with_format("arrow"), batch_rows)
    return ArrowManifest(name, kept, [(kind,) for kind in schema.types], dataset.num_rows, batches=batches)


def _batches(dataset: Any, batch_rows: int) -> Iterator[pa.RecordBatch]:
    for table in dataset.iter(batch_rows):
        yield from table.combine_chunks().to_batches()


def _table(source: object, name: str) -> pa.Table:
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    try:
        return pa.table(source)
    except Exception as error:  # whatever the library raises whose table it is
        text = f"its columns cannot be had as Arrow: {error}"
        raise ManifestError([Problem("E006", name, text)]) from error


def _kept(reader: pa.RecordBatchReader, name: str) -> pa.Table:
    """The table that a stream has, in a file that is mapped into memory."""

    def write(file: object) -> None:
        with pa.ipc.new_file(file, reader.schema) as written:
            for batch in reader:
                written.write_batch(batch)

    try:
        return pa.ipc.open_file(pa.memory_map(str(keep(name, write)))).read_all()
    except pa.ArrowException as error:
        raise ManifestError([Problem("E007", name, f"the stream cannot be read: {error}")]) from error


def _without_nan(value: object) -> object:
    return None if isinstance(value, float) and value != value else value


def _article(kind: str) -> str:
    return f"{'an' if kind[0].upper() in 'AEIOU' else 'a'} {kind}"
