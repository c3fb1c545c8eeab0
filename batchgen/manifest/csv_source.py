"""CSV and TSV as a manifest: strings stay what they are, and a bad row spoils no other.

`csv.reader` does the work, in C. What it cannot read as a row (quotes that do not match, too few
cells, bytes that are not UTF-8) becomes a row with a fault, and reading goes on with the next line.

A cell is what the header says by its position alone. So a file that is not the one any more whose header was read is
read no further: what would be bought then may be a column that is nobody's prompt.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Finding, Problem
from batchgen.manifest.csv_dialect import Dialect, open_bytes, read_dialect
from batchgen.manifest.csv_faults import encoding_text, explain, ragged
from batchgen.manifest.field_limit import FieldLimit
from batchgen.manifest.source import BATCH_BYTES, BATCH_ROWS, Cell, Kind, check_header
from batchgen.manifest.swallowed import swallowed_rows
from batchgen.manifest.text_blocks import (
    LINE_MAX_CHARS,
    Lines,
    LineTooLongError,
    Record,
    TextBlocks,
    first_undecodable,
    repair,
)

if TYPE_CHECKING:
    from _csv import Reader

    import pyarrow as pa

# The longest prompt of any model is far below this; what is longer is a mistake, and would fill the index.
CELL_MAX_CHARS = 1024 * 1024

# A cell is at most as long as a line, unless a quote is never closed.
_LONG_CELLS = FieldLimit(LINE_MAX_CHARS)


def open_csv(path: Path, name: str, delimiter: str, prompt: str = "prompt", *, gzipped: bool) -> CsvManifest:
    """Open a CSV file and read its header.

    Raises:
        ManifestError: it cannot be read, is empty, is not UTF-8, or its header cannot be used.
    """
    with open_bytes(path, name, gzipped=gzipped) as file:
        dialect = read_dialect(name, file, delimiter, prompt)
    with open_bytes(path, name, dialect.encoding, gzipped=gzipped) as file:
        state = _state(file)
        blocks = TextBlocks(file)
        reader = _reader(blocks, dialect)
        header = _next_header(name, reader, blocks)
        if not header:
            raise ManifestError([Problem("E002", name, "the file is empty; it needs a header and a row", 1, 1)])
        text = blocks.keep().record(1, reader.line_num + 1)
    damaged = first_undecodable(text.text)
    if damaged is not None:
        raise ManifestError([Problem("E005", name, encoding_text(text, damaged), *text.place(damaged))])
    while header and not header[-1]:
        header.pop()  # spreadsheets write columns that were used once
    check_header(name, header, prompt)
    return CsvManifest(name, tuple(header), path, dialect, gzipped, state)


@dataclass(frozen=True, slots=True)
class CsvManifest:
    """A CSV file whose header was found usable."""

    name: str
    columns: tuple[str, ...]
    path: Path
    dialect: Dialect
    gzipped: bool
    state: tuple[int, ...]  # of the file, when its header was read

    @property
    def kinds(self) -> Sequence[Kind]:
        """All cells of a CSV file are text."""
        kind: Kind = "text"
        return (kind,) * len(self.columns)

    @property
    def has_types(self) -> bool:
        """A CSV file says nothing of types."""
        return False

    @property
    def remarks(self) -> Sequence[Problem]:
        """How it is read, where that is not as its name says."""
        if not self.dialect.remarks:
            return ()
        text = f"the file is read {' and '.join(self.dialect.remarks)}; save it as 'CSV UTF-8' to be sure"
        return (Problem("W008", self.name, text, 1, 1),)

    def type_name(self, index: int) -> str:
        """Text, whatever its cells are."""
        return self.kinds[index]

    @property
    def row_count(self) -> int | None:
        """Unknown: a line is not a row."""
        return None

    def renamed(self, columns: Sequence[str]) -> CsvManifest:
        """The same file with other column names, in the same order."""
        return replace(self, columns=tuple(columns))

    def select(self, columns: Sequence[int]) -> pa.Schema:
        """The Arrow schema of these columns: strings."""
        import pyarrow as pa

        return pa.schema([(self.columns[column], pa.string()) for column in columns])

    def chunks(self) -> Iterator[CsvChunk]:
        """Read the rows from the start. Raises ManifestError, also if the file is changed meanwhile."""
        with open_bytes(self.path, self.name, self.dialect.encoding, gzipped=self.gzipped) as file:
            blocks = TextBlocks(file)
            reader = _reader(blocks, self.dialect)
            _next_header(self.name, reader, blocks)
            row_number = 0
            while True:
                blocks.forget_before(reader.line_num + 1)
                chunk = self._read_chunk(reader, blocks, row_number)
                if _state(file) != self.state:
                    text = "the file was changed while it was read; let it rest, then type the same command again"
                    raise ManifestError([Problem("E012", self.name, text, chunk.starts[0], 1)])
                if not chunk.lines:
                    return
                row_number += len(chunk.lines)
                yield chunk

    def _read_chunk(self, reader: Reader, blocks: TextBlocks, first_row_number: int) -> CsvChunk:
        rows: list[list[str]] = []
        lines: list[int] = []
        faults: dict[int, Finding] = {}
        end, full = reader.line_num, blocks.chars_read + BATCH_BYTES
        blank = [""] * len(self.columns)
        while True:
            try:
                with _LONG_CELLS:
                    for row in reader:
                        if any(row):  # not a blank line, nor a row of a spreadsheet with nothing in it
                            rows.append(row)
                            lines.append(end + 1)
                        end = reader.line_num
                        if len(rows) >= BATCH_ROWS or blocks.chars_read >= full:
                            break
                break
            except csv.Error:
                faults[len(rows)] = explain(blocks, end + 1, reader.line_num)
                rows.append(blank)
                lines.append(end + 1)
                end = reader.line_num
                if len(rows) >= BATCH_ROWS or blocks.chars_read >= full:
                    break
            except LineTooLongError as error:
                text = f"line {error.line} is longer than {LINE_MAX_CHARS:,} characters; is this a table of prompts?"
                raise ManifestError([Problem("E023", self.name, text, error.line, 1)]) from error
        chunk = CsvChunk(self, first_row_number, rows, [*lines, end + 1], faults, blocks.keep())
        chunk.find_faults()
        return chunk


@dataclass(slots=True)
class CsvChunk:
    """Some thousand rows of a CSV file. `starts` has one line more than there are rows: where the next row starts."""

    manifest: CsvManifest
    first_row_number: int
    rows: list[list[str]]
    starts: list[int]
    faults: dict[int, Finding]
    text: Lines
    doubts: dict[int, Finding] = field(default_factory=dict)
    _columns: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def lines(self) -> Sequence[int]:
        """The line on which each row starts."""
        return self.starts[:-1]

    def column(self, index: int) -> Sequence[Cell]:
        """The cells of one column."""
        if not self._columns:
            self._columns = list(zip(*self.rows, strict=True))
        return self._columns[index]

    def raw(self, row: int) -> str:
        """The text of a row, without the line break at its end."""
        return self._record(row).text.rstrip("\r\n")

    def place(self, row: int, column: int | None) -> tuple[int, int]:
        """Line and character where a cell starts."""
        if column is None:
            return self.starts[row], 1
        record = self._record(row)
        return record.place(record.cell_start(column, self.manifest.dialect.delimiter))

    def select(self, columns: Sequence[int]) -> pa.RecordBatch:
        """These columns as strings; of a row with a fault, as much of its cells as any file can hold."""
        import pyarrow as pa

        cells = [list(cast("Sequence[str]", self.column(column))) for column in columns]
        for row in self.faults:
            for column in cells:
                column[row] = repair(column[row][:CELL_MAX_CHARS])
        arrays = [pa.array(column, pa.string()) for column in cells]
        return pa.RecordBatch.from_arrays(arrays, schema=self.manifest.select(columns))

    def find_faults(self) -> None:
        """Recognise rows that are no rows: one look at the whole batch, a closer one only if it fails."""
        width = len(self.manifest.columns)
        if set(map(len, self.rows)) - {width}:
            for row, cells in enumerate(self.rows):
                if len(cells) < width or any(cells[width:]):
                    self.faults[row] = ragged(cells, width)
                self.rows[row] = (cells + [""] * width)[:width]
        text = "".join(chain.from_iterable(self.rows))
        if "\0" in text or len(text) > CELL_MAX_CHARS or first_undecodable(text) is not None:
            for row, cells in enumerate(self.rows):
                if row not in self.faults:
                    self._find_bad_cell(row, cells)
        if "\n" in text or "\r" in text:
            for row, cells in enumerate(self.rows):
                if row not in self.faults and (doubt := swallowed_rows(cells, self.manifest.dialect.delimiter)):
                    self.doubts[row] = doubt

    def _find_bad_cell(self, row: int, cells: list[str]) -> None:
        for column, cell in enumerate(cells):
            if first_undecodable(cell) is not None:
                record = self._record(row)
                damaged = cast("int", first_undecodable(record.text))
                self.faults[row] = Finding("E021", encoding_text(record, damaged), column)
            elif "\0" in cell:
                self.faults[row] = Finding(
                    "E022", "the cell has a NUL character; remove it (is the file damaged?)", column
                )
            elif len(cell) > CELL_MAX_CHARS:
                text = f"the cell has {len(cell):,} characters; at most {CELL_MAX_CHARS:,} are read"
                self.faults[row] = Finding("E023", text, column)
            else:
                continue
            return

    def _record(self, row: int) -> Record:
        return self.text.record(self.starts[row], self.starts[row + 1])


def _state(file: BinaryIO) -> tuple[int, ...]:
    """What tells a file from another in its place, and from what it was before a change."""
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _reader(blocks: TextBlocks, dialect: Dialect) -> Reader:
    reader = csv.reader(blocks.lines(), delimiter=dialect.delimiter, strict=True)
    if dialect.has_sep:
        next(reader, None)
    return reader


def _next_header(name: str, reader: Reader, blocks: TextBlocks) -> list[str]:
    try:
        with _LONG_CELLS:
            return next(filter(any, reader), [])
    except csv.Error as error:
        finding = explain(blocks, 1, reader.line_num)
        raise ManifestError([Problem(finding.code, name, f"in the header: {finding.message}", 1, 1)]) from error
    except LineTooLongError as error:
        text = f"the header is longer than {LINE_MAX_CHARS:,} characters; is this a table of prompts?"
        raise ManifestError([Problem("E023", name, text, error.line, 1)]) from error
