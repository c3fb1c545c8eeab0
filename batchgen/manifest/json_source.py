"""JSON as a manifest: each key is a column, a row that lacks it has null there, and values keep their types.

No line says which columns there are and of which types: opening reads the file through, block by block, and keeps
no row of it. A row that is no object is a row with a fault, and spoils no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Finding, Problem
from batchgen.manifest.csv_dialect import open_bytes, utf_encoding
from batchgen.manifest.json_rows import JsonBlock, Row, decode_row, read_blocks, refuse_columns, repeated_key
from batchgen.manifest.python_values import REFUSED, Found, as_array, kept_type, types_of
from batchgen.manifest.source import check_header
from batchgen.manifest.typed import TypedChunk, TypedManifest

# More than any table has; where keys are data, each row has some of its own.
_COLUMNS_MAX = 10_000


def open_json(path: Path, name: str, prompt: str = "prompt", *, gzipped: bool) -> JsonManifest:
    """Open JSON Lines or an array of objects, and read all of it for its columns.

    Raises:
        ManifestError: it cannot be read, is empty or no JSON, or its columns cannot be used.
    """
    with open_bytes(path, name, gzipped=gzipped) as file:
        encoding = utf_encoding(name, file)
    found: dict[str, dict[Found, None]] = {}
    row_count = 0
    only: Row = {}
    first_fault: Problem | None = None
    with open_bytes(path, name, encoding, gzipped=gzipped) as file:
        for block in read_blocks(file, name):
            rows, faults = _rows(block)
            for key in dict.fromkeys(chain.from_iterable(rows)):
                found.setdefault(key, {}).update(dict.fromkeys(types_of([row.get(key) for row in rows])))
            if len(found) > _COLUMNS_MAX:
                text = f"the rows have more than {_COLUMNS_MAX:,} different keys; are some of them values?"
                raise ManifestError([Problem("E004", name, text, block.lines[0], 1)])
            if len(rows) == 1 and not row_count:
                only = rows[0]
            row_count += len(rows)
            for row, finding in sorted(faults.items()) if first_fault is None else ():
                first_fault = first_fault or Problem(finding.code, name, finding.message, block.lines[row], 1)
    if not row_count:
        raise ManifestError([Problem("E002", name, "the file has no rows; it needs an object for each", 1, 1)])
    if not found and first_fault is not None:
        raise ManifestError([first_fault])
    if row_count == 1:
        refuse_columns(name, only, prompt)
    check_header(name, list(found), prompt)
    schema = pa.schema([(key, kept_type(types)) for key, types in found.items()])
    return JsonManifest(
        name,
        schema,
        [tuple(types) for types in found.values()],
        row_count,
        keys=tuple(found),
        path=path,
        encoding=encoding,
        gzipped=gzipped,
        remarks=_remarks(name, encoding),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonManifest(TypedManifest):
    """A file of JSON that was read through once. keys: those of its objects, as columns."""

    keys: Sequence[str]
    path: Path
    encoding: str
    gzipped: bool

    def chunks(self) -> Iterator[JsonChunk]:
        """Read the rows from the start."""
        row_number = 0
        with open_bytes(self.path, self.name, self.encoding, gzipped=self.gzipped) as file:
            for block in read_blocks(file, self.name):
                rows, faults = _rows(block)
                for number, text in enumerate(block.texts):
                    if number not in faults and (repeated := repeated_key(text, rows[number])):
                        faults[number], rows[number] = repeated, {}
                try:
                    arrays = [
                        as_array([row.get(key) for row in rows], column.type)
                        for key, column in zip(self.keys, self.schema, strict=True)
                    ]
                except REFUSED as error:
                    changed = "the file has changed since it was opened; run the command again"
                    raise ManifestError([Problem("E007", self.name, changed, block.lines[0], 1)]) from error
                batch = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
                yield JsonChunk(self, batch, row_number, block.lines, faults, keys=self.keys, block=block)
                row_number += len(rows)


@dataclass(slots=True, kw_only=True)
class JsonChunk(TypedChunk):
    """Some thousand rows of JSON. `lines` is where each begins."""

    keys: Sequence[str]
    block: JsonBlock

    def raw(self, row: int) -> str:
        """The text of a row."""
        return self.block.texts[row].decode("utf-8", "surrogateescape")

    def place(self, row: int, column: int | None) -> tuple[int, int]:
        """Line and character where the key of a cell stands; where it is missing, those of the row."""
        text, start = self.raw(row), self.block.offsets[row] if self.block.offsets else 0
        at = 0 if column is None else max(0, text.find(json.dumps(self.keys[column], ensure_ascii=False)))
        breaks = text.count("\n", 0, at)
        return self.lines[row] + breaks, at - text.rfind("\n", 0, at) if breaks else start + at + 1


def _rows(block: JsonBlock) -> tuple[list[Row], dict[int, Finding]]:
    """The rows of a block, empty where they are none, and why they are none."""
    rows: list[Row] = []
    faults: dict[int, Finding] = {}
    for number, row in enumerate(map(decode_row, block.texts)):
        if isinstance(row, Finding):
            faults[number] = row
            rows.append({})
        else:
            rows.append(row)
    return rows, faults


def _remarks(name: str, encoding: str) -> Sequence[Problem]:
    if encoding == "utf-8":
        return ()
    return (Problem("W008", name, "the file is read as UTF-16; save it as UTF-8 to be sure", 1, 1),)
