"""A manifest as a file, CSV or Parquet by its name, written row by row.

A spreadsheet takes a cell of a CSV file that begins with =, +, -, @, a tab or a carriage return for a formula, and
runs it. Nothing is put before such a cell, since the prompt would be another one: the table is refused as CSV, and
Parquet takes it. Cells that are numbers are none of these and stay.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.errors import ExportError
from batchgen.export.plain import as_text
from batchgen.store.staging import create

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_GROUP_ROWS = 4096
_ADVICE = "Let the name end in .parquet: Parquet has no formulas."

Row = Mapping[str, Any]


def write_table(path: Path, name: str, schema: pa.Schema, rows: Iterable[Row]) -> None:
    """Write rows to `path` as the ending of `name` says. Raises ExportError, OSError."""
    if name.endswith(".parquet"):
        _write_parquet(path, schema, rows)
    elif name.endswith(".csv"):
        _write_csv(path, name, schema, rows)
    else:
        raise ExportError(f"{name}: a manifest is written as CSV or Parquet; let the name end in .csv or .parquet")


def harmless(cell: str, place: str, column: str, advice: str) -> str:
    """Return a cell of a CSV file. place, column: where it is; advice: what to do. Raises ExportError: a formula."""
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        message = (
            f"{place} {column!r} begins with {cell[0]!r}, which a spreadsheet would run as a formula, and anything"
            f" put before it would change what is asked for. {advice}"
        )
        raise ExportError(message)
    return cell


def _write_parquet(path: Path, schema: pa.Schema, rows: Iterable[Row]) -> None:
    left: Iterator[Row] = iter(rows)
    with create(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(islice(left, _GROUP_ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _write_csv(path: Path, name: str, schema: pa.Schema, rows: Iterable[Row]) -> None:
    with TextIOWrapper(create(path), encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")  # so that a lone return is quoted, too
        writer.writerow([harmless(column, f"{name}: the column", column, _ADVICE) for column in schema.names])
        for row in rows:
            place = f"{name}: row {row['id']!r}, column"
            writer.writerow([harmless(as_text(row.get(column)), place, column, _ADVICE) for column in schema.names])
