"""The id column: ids are names, unique in the manifest; the first row that uses one keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from batchgen.core.format import quote
from batchgen.core.problems import Finding, FoundInRow
from batchgen.manifest.source import Chunk, Manifest, as_texts
from batchgen.planning.occurrences import Occurrences

# An id is shown in messages and listings and used in joins; a longer one is a mistake.
ID_MAX_CHARS = 200
# Where an id was first used is found by reading the file again; after so many times the line is left out.
LOOKUPS_MAX = 20

_PATH = re.compile(r"(^|[/\\])\.\.([/\\]|$)")


class IdColumn:
    """Reads the ids of a manifest, batch by batch, and remembers which were used."""

    def __init__(self, manifest: Manifest, column: int) -> None:
        self._manifest = manifest
        self._column = column
        self._used = Occurrences()
        self._lookups_left = LOOKUPS_MAX

    def read(self, chunk: Chunk) -> tuple[list[str], list[FoundInRow]]:
        """Return the ids of a chunk, and what is wrong with them."""
        ids = as_texts(chunk.column(self._column))
        found = list(check_ids(ids, self._column))
        unusable = {*chunk.faults, *(row for row, _ in found)}
        rows = [row for row in range(len(ids)) if row not in unusable] if unusable else range(len(ids))
        earlier = self._used.add(list(map(hash, map(ids.__getitem__, rows) if unusable else ids)))
        if earlier:
            found += self._repeated(chunk, ids, rows, [rows[index] for index in earlier])
        return ids, found

    def _repeated(
        self, chunk: Chunk, ids: Sequence[str], rows: Sequence[int], repeated: Sequence[int]
    ) -> Iterator[FoundInRow]:
        lines = self._first_lines({ids[row] for row in repeated}, chunk)
        if lines is not None:
            for row in rows:
                lines.setdefault(ids[row], chunk.lines[row])
        for row in repeated:
            where = "an earlier line" if lines is None else f"line {lines[ids[row]]}"
            text = f"the id {quote(ids[row])} of line {chunk.lines[row]} is already that of {where}; ids must be unique"
            yield row, Finding("E032", text, self._column)

    def _first_lines(self, wanted: set[str], chunk: Chunk) -> dict[str, int] | None:
        """Where ids were used before a chunk, or None if the file was searched too often already."""
        lines: dict[str, int] = {}
        if not chunk.first_row_number:
            return lines
        if not self._lookups_left:
            return None
        self._lookups_left -= 1
        for before in self._manifest.chunks():
            if before.first_row_number >= chunk.first_row_number or len(lines) == len(wanted):
                break
            for row, row_id in enumerate(as_texts(before.column(self._column))):
                if row_id in wanted and row not in before.faults:
                    lines.setdefault(row_id, before.lines[row])
        return lines


def check_ids(ids: Sequence[str], column: int) -> Iterator[FoundInRow]:
    """Find ids that are empty, unprintable, too long, or paths."""
    text = "".join(ids)
    if all(map(str.strip, ids)) and text.isprintable() and max(map(len, ids)) <= ID_MAX_CHARS and ".." not in text:
        return
    for row, row_id in enumerate(ids):
        finding = _doubt_id(row_id, column)
        if finding is not None:
            yield row, finding


def _doubt_id(row_id: str, column: int) -> Finding | None:
    if not row_id.strip():
        return Finding("E030", "the id is empty; give each row one, or leave out the id column", column)
    if len(row_id) > ID_MAX_CHARS:
        return Finding("E031", f"the id has {len(row_id):,} characters; at most {ID_MAX_CHARS} are allowed", column)
    if not row_id.isprintable():
        return Finding("E031", f"the id {quote(row_id)} has unprintable characters; remove them", column)
    if _PATH.search(row_id):
        return Finding(
            "E033", f"the id {quote(row_id)} is a path that leads upwards; an id is a name, remove '..'", column
        )
    return None
