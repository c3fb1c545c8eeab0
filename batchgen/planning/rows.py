"""Manifest -> validated rows, in batches: valid rows become requests, invalid ones problems.

Reading costs the memory of one batch, and 8 to 16 bytes a row to recognise repeated rows. All checks work on
columns; rows are looked at one by one only where something is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Finding, FoundInRow, Problem
from batchgen.manifest.source import Chunk, Manifest, as_texts
from batchgen.manifest.text_blocks import repair
from batchgen.planning.batch import InvalidRow, RequestColumns, RowBatch
from batchgen.planning.columns import assign_columns, no_field
from batchgen.planning.identity import content_hash, derived_row_id, fingerprints, invalid_fingerprint
from batchgen.planning.occurrences import Occurrences
from batchgen.planning.prompts import check_prompts
from batchgen.planning.report import Report
from batchgen.planning.row_ids import ID_MAX_CHARS, IdColumn
from batchgen.planning.row_settings import RowSettings, RowSettingsTable
from batchgen.planning.rules import Rules
from batchgen.planning.seeds import effective_seeds, parse_seeds

# Enough to recognise a prompt that was refused for its length.
PROMPT_SHOWN_MAX_CHARS = 1000

T = TypeVar("T")


def read_rows(manifest: Manifest, rules: Rules) -> Generator[RowBatch]:
    """Read, check and fingerprint all rows, in order.

    Raises:
        ManifestError: a column has a wrong type, the file turns out to be damaged, or there is no row.
    """
    reading = _Reading(manifest, rules)
    rows = 0
    for chunk in manifest.chunks():
        rows += len(chunk.lines)
        yield reading.batch(chunk)
    if not rows:
        raise ManifestError([Problem("E010", manifest.name, "there is a header, but no rows", 1, 1)])


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows of a chunk as columns. `ids` is None until rows without an id column have got theirs."""

    numbers: Sequence[int]  # within the chunk
    prompts: Sequence[str]
    settings: Sequence[RowSettings]
    seeds: Sequence[int | None]
    ids: Sequence[str] | None

    def without(self, wrong: Collection[int]) -> _Rows:
        """Leave out rows."""
        if not wrong:
            return self
        kept = [number for number in self.numbers if number not in wrong]
        ids = None if self.ids is None else _pick(self.ids, kept)
        return _Rows(kept, _pick(self.prompts, kept), _pick(self.settings, kept), _pick(self.seeds, kept), ids)


class _Reading:
    """One pass over a manifest: what must be remembered from batch to batch."""

    def __init__(self, manifest: Manifest, rules: Rules) -> None:
        self._manifest = manifest
        self._today = rules.today
        self._told_of = {rules.model.name}  # models whose retirement needs no word any more
        self._told_of_columns: set[tuple[str, str]] = set()
        self._roles = assign_columns(manifest, rules)
        self._table = RowSettingsTable(rules, self._roles.settings)
        self._ids = None if self._roles.row_id is None else IdColumn(manifest, self._roles.row_id)
        self._asked_for = Occurrences()

    def batch(self, chunk: Chunk) -> RowBatch:
        """Turn a chunk into a batch."""
        rows, found = self._parse(chunk)
        wrong = {row for row, finding in found if finding.code.startswith("E")}
        right = rows.without(wrong)
        row_ids, same_images = self._identify(right, chunk)
        report = Report(self._manifest, chunk, rows.ids)
        if not chunk.first_row_number:
            report.add_of_header(self._roles.warnings)
        report.add_of_rows([*found, *same_images])
        invalid = tuple(self._invalid(chunk, rows, row, report) for row in sorted(wrong))
        ids, columns, num_images = _requests(right, row_ids, chunk, self._roles.labels)
        settings = columns.settings
        return RowBatch(
            first_row_number=chunk.first_row_number,
            rows=len(chunk.lines),
            problems=tuple(report.problems),
            problem_counts=report.counts,
            invalid=invalid,
            fingerprints=fingerprints(
                ids,
                columns.request_numbers,
                [one.identity for one in settings],
                columns.prompts,
                num_images,
                columns.seeds,
                [one.fields for one in settings],
            ),
            row_ids=ids,
            num_images=num_images,
            columns=columns,
        )

    def _parse(self, chunk: Chunk) -> tuple[_Rows, list[FoundInRow]]:
        """Turn cells into columns of values, and gather what is wrong with them."""
        roles, count = self._roles, len(chunk.lines)
        prompts = as_texts(chunk.column(roles.prompt))
        settings = self._settings(chunk, count)
        distinct = set(settings)
        found = [*_of_settings(settings, distinct), *check_prompts(prompts, settings, distinct, roles.prompt)]
        found += self._retirements(settings, distinct)
        found += self._foreign(settings, distinct)
        seeds: Sequence[int | None] = [None] * count
        if roles.seed is not None:
            seeds, found_in_seeds = parse_seeds(chunk.column(roles.seed), settings, distinct, roles.seed)
            found += found_in_seeds
        seeds, without_effect = effective_seeds(seeds, settings, distinct, roles.seed)
        found += without_effect
        ids = None
        if self._ids is not None:
            ids, found_in_ids = self._ids.read(chunk)
            found += found_in_ids
        if chunk.doubts:
            said = {row for row, finding in found if finding.code == "W010"}
            found += [pair for pair in chunk.doubts.items() if pair[0] not in said]
        if chunk.faults:
            # What is said about the cells of a row that is no row would only mislead.
            found = [*chunk.faults.items(), *(pair for pair in found if pair[0] not in chunk.faults)]
        return _Rows(range(count), prompts, settings, seeds, ids), found

    def _settings(self, chunk: Chunk, count: int) -> list[RowSettings]:
        if not self._roles.settings:
            return [self._table[()]] * count
        cells = zip(*map(chunk.column, self._roles.settings.values()), strict=True)
        return list(map(self._table.__getitem__, cells))

    def _retirements(self, settings: Sequence[RowSettings], distinct: Collection[RowSettings]) -> Iterator[FoundInRow]:
        """Tell once of each model that rows name, where the first one does."""
        for row in sorted(settings.index(one) for one in distinct if one.model.retired):
            model = settings[row].model
            if model.name not in self._told_of and (retirement := model.retirement(self._today)):
                self._told_of.add(model.name)
                yield row, Finding("W011", retirement, self._roles.settings.get("model"))

    def _foreign(self, settings: Sequence[RowSettings], distinct: Collection[RowSettings]) -> Iterator[FoundInRow]:
        """Tell once of each model and column that rows fill in and the model does not take."""
        for row in sorted(settings.index(one) for one in distinct if one.foreign):
            for name in settings[row].foreign:
                asked = settings[row].model.name, name
                if asked not in self._told_of_columns:
                    self._told_of_columns.add(asked)
                    yield row, Finding("W002", no_field(name, settings[row].model), self._roles.settings[name])

    def _identify(self, rows: _Rows, chunk: Chunk) -> tuple[Sequence[str], list[FoundInRow]]:
        """Give each row its id, and find rows that ask for the very same image as one before."""
        if rows.ids is None:
            contents = [
                content_hash(one.identity, prompt, one.num_images, seed, one.fields)
                for one, prompt, seed in zip(rows.settings, rows.prompts, rows.seeds, strict=True)
            ]
            earlier = self._asked_for.add(contents)
            ids: Sequence[str] = [derived_row_id(content, earlier.get(row, 0)) for row, content in enumerate(contents)]
        else:
            ids = rows.ids
            # Without a seed of the manifest each row has its own, which follows from its id.
            seeded: Sequence[int] = range(len(rows.seeds))
            asked: Iterable[tuple[str, int | None, int]]
            asked = zip(rows.prompts, rows.seeds, [one.key for one in rows.settings], strict=True)
            if None in rows.seeds:
                seeded = [row for row, seed in enumerate(rows.seeds) if seed is not None]
                asked = [one for one in asked if one[1] is not None]
            keys = list(map(hash, asked))
            earlier = {seeded[index]: count for index, count in self._asked_for.add(keys).items()}
        same = [row for row in earlier if rows.seeds[row] is not None]
        return ids, _same_images(rows, same, chunk)

    def _invalid(self, chunk: Chunk, rows: _Rows, row: int, report: Report) -> InvalidRow:
        roles = self._roles
        if row in chunk.faults:
            fingerprint = invalid_fingerprint(repair(chunk.raw(row)))
        else:
            read = {"prompt": roles.prompt, "id": roles.row_id, "seed": roles.seed, **roles.settings}
            cells = [(name, chunk.column(column)[row]) for name, column in read.items() if column is not None]
            fingerprint = invalid_fingerprint(sorted((name, repair(str(cell))) for name, cell in cells))
        row_id = "" if rows.ids is None else repair(rows.ids[row][:ID_MAX_CHARS])
        return InvalidRow(
            row_id=row_id.strip() or fingerprint[:8].hex(),
            row_number=chunk.first_row_number + row,
            line=chunk.lines[row],
            prompt=repair(rows.prompts[row][:PROMPT_SHOWN_MAX_CHARS]),
            provider=rows.settings[row].provider,
            model=rows.settings[row].model_name,
            fingerprint=fingerprint,
            problems=tuple(report.errors[row]),
        )


def _requests(
    rows: _Rows, row_ids: Sequence[str], chunk: Chunk, labels: Sequence[int]
) -> tuple[Sequence[str], RequestColumns, list[int]]:
    """One entry a call instead of one a row."""
    calls = [one.calls for one in rows.settings]
    num_images = list(chain.from_iterable(calls))
    if len(num_images) == len(calls):
        numbers: Sequence[int] = [0] * len(calls)
        columns = RequestColumns(chunk, labels, rows.numbers, numbers, rows.prompts, rows.seeds, rows.settings)
        return row_ids, columns, num_images
    of_row = [row for row, images in enumerate(calls) for _ in images]
    columns = RequestColumns(
        chunk,
        labels,
        _pick(rows.numbers, of_row),
        [number for images in calls for number in range(len(images))],
        _pick(rows.prompts, of_row),
        _pick(rows.seeds, of_row),
        _pick(rows.settings, of_row),
    )
    return _pick(row_ids, of_row), columns, num_images


def _of_settings(settings: Sequence[RowSettings], distinct: Collection[RowSettings]) -> Iterator[FoundInRow]:
    if any(one.findings for one in distinct):
        for row, one in enumerate(settings):
            for finding in one.findings:
                yield row, finding


def _same_images(rows: _Rows, same: Sequence[int], chunk: Chunk) -> list[FoundInRow]:
    first: dict[object, int] = {}
    for row, asked in enumerate(zip(rows.prompts, rows.seeds, rows.settings, strict=True) if same else ()):
        first.setdefault((*asked[:2], asked[2].key), row)
    found = []
    for row in same:
        other = first[rows.prompts[row], rows.seeds[row], rows.settings[row].key]
        where = "an earlier row" if other == row else f"line {chunk.lines[rows.numbers[other]]}"
        text = f"asks for the very same image as {where}: same prompt, settings and seed; it is made and paid for twice"
        found.append((rows.numbers[row], Finding("W005", text)))
    return found


def _pick(column: Sequence[T], positions: Sequence[int]) -> list[T]:
    return [column[position] for position in positions]
