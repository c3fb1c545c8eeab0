"""Findings -> problems with their place, in the order of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from batchgen.core.problems import Finding, FoundInRow, Problem
from batchgen.manifest.source import Chunk, Manifest

# A reader learns nothing from the next hundred; the counts stay exact.
WARNINGS_MAX_PER_BATCH = 100


class Report:
    """The problems of one batch: all errors, and of each kind of warning the first hundred."""

    def __init__(self, manifest: Manifest, chunk: Chunk, row_ids: Sequence[str] | None) -> None:
        self._manifest = manifest
        self._chunk = chunk
        self._row_ids = row_ids
        self.problems: list[Problem] = []
        self.counts: Counter[str] = Counter()
        self.errors: dict[int, list[Problem]] = {}  # by row within the batch

    def add_of_header(self, problems: Iterable[Problem]) -> None:
        """Take in what was found before the first row."""
        for problem in problems:
            self.problems.append(problem)
            self.counts[problem.code] += 1

    def add_of_rows(self, found: Iterable[FoundInRow]) -> None:
        """Take in findings by row, in any order."""
        for row, finding in sorted(found, key=lambda pair: pair[0]):
            self.counts[finding.code] += 1
            is_error = finding.code.startswith("E")
            if not is_error and self.counts[finding.code] > WARNINGS_MAX_PER_BATCH:
                continue
            problem = self._problem(row, finding)
            self.problems.append(problem)
            if is_error:
                self.errors.setdefault(row, []).append(problem)

    def _problem(self, row: int, finding: Finding) -> Problem:
        line, column = self._chunk.place(row, finding.column)
        name = None if finding.column is None else self._manifest.columns[finding.column]
        row_id = self._row_ids[row] if self._row_ids else None
        return Problem(finding.code, self._manifest.name, finding.message, line, column, name, row_id or None)
