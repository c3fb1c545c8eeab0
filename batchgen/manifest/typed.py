"""What manifests whose columns have types have in common: a schema of Arrow, and chunks that are batches of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, cast

import pyarrow as pa

from batchgen.core.label_types import as_text, as_type, is_text_only
from batchgen.core.problems import Finding, Problem
from batchgen.manifest.source import Cell, Kind


@dataclass(frozen=True, slots=True)
class TypedManifest:
    """A table whose columns were found usable.

    schema: columns as they go on. sources: for each column the types that it was found to have, or `mixed types`.
    """

    name: str
    schema: pa.Schema
    sources: Sequence[Sequence[pa.DataType | str]]
    row_count: int
    remarks: Sequence[Problem] = ()

    @property
    def columns(self) -> Sequence[str]:
        """The column names."""
        return tuple(self.schema.names)

    @property
    def has_types(self) -> bool:
        """Columns have types."""
        return True

    @property
    def kinds(self) -> Sequence[Kind]:
        """What the cells of each column are."""
        return tuple(_kind(column.type, found) for column, found in zip(self.schema, self.sources, strict=True))

    def type_name(self, index: int) -> str:
        """Arrow's name of the type."""
        return " and ".join(map(str, self.sources[index]))

    def renamed(self, columns: Sequence[str]) -> Self:
        """The same table with other column names, in the same order."""
        return replace(self, schema=pa.schema(zip(columns, self.schema.types, strict=True)))

    def select(self, columns: Sequence[int]) -> pa.Schema:
        """The schema of these columns."""
        return pa.schema([self.schema.field(column) for column in columns])


@dataclass(slots=True)
class TypedChunk:
    """Some thousand rows of a table."""

    manifest: TypedManifest
    batch: pa.RecordBatch
    first_row_number: int
    lines: Sequence[int]
    faults: Mapping[int, Finding] = field(default_factory=dict)  # none, but where rows are text
    doubts: Mapping[int, Finding] = field(default_factory=dict)

    def column(self, index: int) -> Sequence[Cell]:
        """The cells of one column."""
        array = as_type(self.batch.column(index), self.manifest.schema.field(index).type)
        try:
            cells = array.to_pylist()
        except UnicodeDecodeError:
            # Arrow does not look inside strings; bytes that are none are marked as in a CSV file.
            cells = array.cast(pa.large_binary()).to_pylist()
            return [cell and cell.decode("utf-8", "surrogateescape") for cell in cells]
        if pa.types.is_nested(array.type):
            return [as_text(cell) for cell in cells]
        if pa.types.is_decimal(array.type):
            return [cell if cell is None else int(cell) for cell in cells]
        return cast("list[Cell]", cells)

    def raw(self, row: int) -> str:
        """Nothing: no row has a fault."""
        return ""

    def place(self, row: int, column: int | None) -> tuple[int, int]:
        """Line of the row and number of the column."""
        return self.lines[row], 1 if column is None else column + 1

    def select(self, columns: Sequence[int]) -> pa.RecordBatch:
        """These columns, with their own types."""
        schema = self.manifest.select(columns)
        arrays = [as_type(self.batch.column(column), kind.type) for column, kind in zip(columns, schema, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _kind(kind: pa.DataType, found: Sequence[pa.DataType | str]) -> Kind:
    """What the cells are of a column that is `kind` now and was `found`."""
    types = pa.types
    if types.is_nested(kind):
        return "nested"
    if types.is_string(kind) or types.is_null(kind):
        if all(map(_is_cell, found)):
            return "text"
        return "nested" if all(isinstance(one, pa.DataType) and types.is_nested(one) for one in found) else "other"
    if types.is_integer(kind) or (types.is_decimal(kind) and kind.scale == 0):
        return "integer"
    if types.is_floating(kind):
        return "number"
    return "boolean" if types.is_boolean(kind) else "other"


def _is_cell(kind: pa.DataType | str) -> bool:
    """Whether a value becomes text as people write it."""
    if isinstance(kind, str):
        return False
    return isinstance(kind, pa.UuidType) or not (pa.types.is_nested(kind) or is_text_only(kind))
