"""What a manifest is in every format, and what one is made of: protocols, and the checks that all headers share.

`csv_source` and `arrow_source` read the formats; `opening` chooses between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Finding, Problem
from batchgen.core.suggest import did_you_mean

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    import pyarrow as pa


class ArrowStream(Protocol):
    """A table that offers itself as a stream of Arrow: of polars, Arrow, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's C interface."""


class HubDataset(Protocol):
    """A Dataset of Hugging Face, which is on disk."""

    @property
    def features(self) -> Any:
        """The types of its columns."""

    def with_format(self, type: str) -> Any:  # noqa: A002
        """The same rows as another library has them."""


ManifestSource: TypeAlias = (
    "str | PathLike[str] | pd.DataFrame | Sequence[Mapping[str, Any]] | ArrowStream | HubDataset"
)

Cell = str | int | float | bool | None
# Cells of a nested kind, lists and tables, are their text in JSON.
Kind = Literal["text", "integer", "number", "boolean", "nested", "other"]

# Enough rows that the work by column pays off, few enough that a batch stays within some MB.
BATCH_ROWS = 8192
BATCH_BYTES = 4 * 1024 * 1024


class Chunk(Protocol):
    """Some thousand rows of the manifest."""

    @property
    def first_row_number(self) -> int:
        """0-based position of the first row in the manifest."""

    @property
    def lines(self) -> Sequence[int]:
        """For each row the 1-based line (CSV) or row (Parquet, DataFrame) it starts on."""

    @property
    def faults(self) -> Mapping[int, Finding]:
        """Rows that could not be read as rows, and why; their cells may be missing or wrong."""

    @property
    def doubts(self) -> Mapping[int, Finding]:
        """Rows that could be read as rows, and are perhaps not what they were meant to be: a warning for each."""

    def column(self, index: int) -> Sequence[Cell]:
        """The cells of one column."""

    def raw(self, row: int) -> str:
        """The text of a row with a fault, as the file has it."""

    def place(self, row: int, column: int | None) -> tuple[int, int]:
        """1-based line and column where a cell starts, or where its row does."""

    def select(self, columns: Sequence[int]) -> pa.RecordBatch:
        """These columns, as `Manifest.select` types them; no rows if there are no columns."""


class Manifest(Protocol):
    """An opened manifest: its header is usable, its rows are not read yet."""

    @property
    def name(self) -> str:
        """What messages call it: the path as it was given, or `DataFrame`."""

    @property
    def columns(self) -> Sequence[str]:
        """The column names, in order."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """For each column what its cells are."""

    @property
    def has_types(self) -> bool:
        """Whether the file itself says of which type its columns are."""

    @property
    def remarks(self) -> Sequence[Problem]:
        """What is worth knowing of how it is read."""

    def type_name(self, index: int) -> str:
        """What the file itself calls the type of a column."""

    @property
    def row_count(self) -> int | None:
        """How many rows there are, or None where only reading all of them would tell."""

    def select(self, columns: Sequence[int]) -> pa.Schema:
        """The Arrow schema of these columns, with their own types."""

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start. Raises ManifestError where the file turns out to be damaged."""


def as_texts(cells: Sequence[Cell]) -> list[str]:
    """Return cells of text or whole numbers as text, null as an empty one."""
    if set(map(type, cells)) == {str}:
        return list(cast("Sequence[str]", cells))
    return ["" if cell is None else str(cell) for cell in cells]


def check_header(name: str, columns: Sequence[str], prompt: str = "prompt") -> None:
    """Refuse a header with which no row can be read, naming all that is wrong with it.

    Args:
        name: What messages call the manifest.
        columns: Their names.
        prompt: The name of the column that has the prompts.

    Raises:
        ManifestError: a name is missing, repeated or unprintable, or no column has the prompts.
    """
    problems = []
    for index, column in enumerate(columns):
        first = columns.index(column)
        if not column:
            text = f"column {index + 1} has no name; name it, or write the file without its index (pandas: index=False)"
        elif first != index:
            text = f"column {index + 1} repeats the name {column!r} of column {first + 1}; rename one of them"
        elif not column.isprintable():
            text = f"the name of column {index + 1} has unprintable characters: {column[:40]!r}; rename it"
        else:
            continue
        problems.append(Problem("E004", name, text, 1, index + 1, column))
    if prompt not in columns:
        problems.append(Problem("E003", name, _no_prompt(columns, prompt), 1, 1, prompt))
    if problems:
        raise ManifestError(problems)


def _no_prompt(columns: Sequence[str], prompt: str) -> str:
    shown = ", ".join(repr(column[:40]) for column in columns[:8]) + (", ..." if len(columns) > 8 else "")
    text = f"there is no column named {prompt!r}; the header is read as {shown}"
    if prompt != "prompt":
        near = did_you_mean(prompt, columns)
        return f"{text}: {near or 'name the one that has the prompts'}"
    for column in columns:
        if column.strip().lower() == "prompt":
            return f"{text}: rename {column!r} to 'prompt' (names are matched exactly)"
    if len(columns) == 1 and ";" in columns[0]:
        return f"{text}: cells seem to be separated by ';', write them separated by ','"
    if len(columns) == 1 and "\t" in columns[0]:
        return f"{text}: cells seem to be separated by tabs, let the name of the file end in .tsv"
    return (
        f"{text}: if the file has no header, put one on the first line, for example: id,prompt; if another column has"
        " the prompts, name it: --columns prompt=NAME"
    )
