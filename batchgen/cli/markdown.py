"""The report of a run in Markdown, as GitHub and GitLab show it: counts first, then a table of rows.

Ids and the services' words are shown as text and cannot be markup. It stays below a megabyte, which is what GitHub
takes as the summary of a step (1 MiB): rows without an image come first, and what finds no room is counted.
Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands, "Step isolation and limits".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import quote

from batchgen._api.job import Job
from batchgen._api.outcomes import RowOutcome, as_markdown, row_outcomes
from batchgen._api.run import RunSummary
from batchgen.cli.report import counts_of, exit_of, is_simulated
from batchgen.core.errors import InputError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, dollars
from batchgen.core.outcomes import Status
from batchgen.core.problems import Problem

_MAX_BYTES = 1_000_000
_REASON_CHARACTERS = 200
_IMAGE_PIXELS = 128
# What stays as it is in an address that was given, percent signs of its own included (RFC 3986, 2.2).
_OF_ADDRESSES = ":/?#@!$&+,;=%~"


@dataclass(frozen=True, slots=True)
class Links:
    """Where a reader finds things: below which addresses the images and the manifest are."""

    images: str | None = None
    manifest: str | None = None


def run_as_markdown(summary: RunSummary, job: Job, links: Links) -> str:
    """Return the report of a run. Raises DatasetError."""
    counts = counts_of(summary)
    cost = dollars(summary.progress.spent_usd)
    lines = [
        f"# {'Done' if exit_of(summary, job) is ExitCode.OK else 'Not done'}: {as_markdown(job.manifest.name)}",
        "",
        f"| {' | '.join((*counts, 'cost, simulated' if is_simulated(job) else 'cost'))} |",
        f"| {' | '.join(['---:'] * (len(counts) + 1))} |",
        f"| {' | '.join((*(f'{number:,}' for number in counts.values()), cost))} |",
        "",
    ]
    if summary.stop is not None:
        lines += [f"Stopped: {as_markdown(summary.stop.message)}", ""]
    rows = [*_wrong_rows(summary, job, links), *_rows(summary, job, links)]
    return "\n".join([*lines, *_table(rows, lines, links.images is not None)]) + "\n"


def error_as_markdown(error: BaseException) -> str:
    """Return the report of a run that was refused."""
    head = ["# Not done: nothing was sent", ""] if isinstance(error, InputError) else ["# Not done", ""]
    if not isinstance(error, InputError) or not error.problems:
        return "\n".join([*head, as_markdown(str(error) or type(error).__name__)]) + "\n"
    table = ["| where | what is wrong |", "| --- | --- |"]
    for problem in error.problems:
        place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
        table.append(f"| {as_markdown(place)} | {problem.code} {as_markdown(problem.message, _REASON_CHARACTERS)} |")
    return "\n".join([*head, *_fitting(table, head, "problem")]) + "\n"


def _rows(summary: RunSummary, job: Job, links: Links) -> Iterator[str]:
    """A line of the table for each row, those without an image first."""
    made: list[str] = []
    for row in row_outcomes(summary):
        line = _row(row, job, links)
        if row.status is Status.OK:
            made.append(line)
        else:
            yield line
    yield from made


def _row(row: RowOutcome, job: Job, links: Links) -> str:
    reason = row.reason
    if row.status is not Status.OK:
        reason = f"{row.status.value.replace('_', ' ')}: {reason}"
    cost = "" if row.cost_usd is None else dollars(row.cost_usd)
    images = f"{count(row.images, 'image')}, " if row.images > 1 else ""
    return _cells(row.row_id, _line_link(row.line, job, links), f"{images}{reason}", cost, _images(row, links))


def _wrong_rows(summary: RunSummary, job: Job, links: Links) -> Iterator[str]:
    wrong = [problem for problem in summary.plan.problems if problem.is_error]
    for problem in wrong:
        yield _cells(
            problem.row_id or "", _line_link(problem.line, job, links), _said(problem), "", _no_image(links.images)
        )
    if summary.plan.errors > len(wrong):
        more = count(summary.plan.errors - len(wrong), "error")
        yield _cells("", "", f"{more} more: batchgen check says them all", "", _no_image(links.images))


def _said(problem: Problem) -> str:
    return f"invalid: {problem.code} {problem.message}"


def _cells(row_id: str, line: str, reason: str, cost: str, images: str | None) -> str:
    cells = [as_markdown(row_id, 80), line, as_markdown(reason, _REASON_CHARACTERS), cost]
    return f"| {' | '.join(cells if images is None else [*cells, images])} |"


def _line_link(line: int | None, job: Job, links: Links) -> str:
    if line is None:
        return ""
    return f"[{line}]({_address(links.manifest, PurePath(job.manifest.name).as_posix())}#L{line})"


def _images(row: RowOutcome, links: Links) -> str | None:
    if links.images is None:
        return None
    addresses = (_address(links.images, name) for name in row.file_names)
    return " ".join(f'<img src="{address}" width="{_IMAGE_PIXELS}" alt="">' for address in addresses)


def _address(base: str | None, path: str) -> str:
    """What is below an address; without one, where the report lies."""
    return quote(path) if base is None else f"{quote(base.rstrip('/'), _OF_ADDRESSES)}/{quote(path)}"


def _no_image(base: str | None) -> str | None:
    return None if base is None else ""


def _table(rows: list[str], before: list[str], has_images: bool) -> Iterator[str]:
    if not rows:
        return
    columns = ["id", "line", "reason", "cost", *(["image"] if has_images else [])]
    rules = ["---", "---:", "---", "---:", *(["---"] if has_images else [])]
    yield from _fitting([f"| {' | '.join(columns)} |", f"| {' | '.join(rules)} |", *rows], before, "row")


def _fitting(table: list[str], before: list[str], noun: str) -> Iterator[str]:
    """The lines of a table that have room, and how many have not."""
    left = _MAX_BYTES - sum(len(line.encode()) + 1 for line in before)
    for number, line in enumerate(table):
        left -= len(line.encode()) + 1
        if left < 0:
            yield f"\nand {count(len(table) - number, noun)} more."
            return
        yield line
