"""The report of a run as JUnit's XML, which every CI shows as tests: a row that was asked for is one of them.

A run that had nothing to do is one test too: some readers take a file without tests for a fault.
Source of the form: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from batchgen._api.job import Job
from batchgen._api.outcomes import RowOutcome, row_outcomes
from batchgen._api.run import RunSummary
from batchgen.cli.report import exit_of
from batchgen.core.errors import InputError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import printable
from batchgen.core.outcomes import Status
from batchgen.core.problems import Problem


def run_as_junit(summary: RunSummary, job: Job) -> str:
    """Return the report of a run. Raises DatasetError."""
    name, lenient = job.manifest.name, job.loaded.config.allow_blocked
    cases = [_of_run(summary, job)]
    cases += [_of_problem(problem) for problem in summary.plan.problems if problem.is_error]
    cases += [_of_row(row, name, lenient) for row in row_outcomes(summary)]
    return _suite(name, cases, summary.seconds)


def error_as_junit(error: BaseException) -> str:
    """Return the report of a run that was refused."""
    if isinstance(error, InputError) and error.problems:
        return _suite("batchgen run", map(_of_problem, error.problems), 0.0)
    case = _case("batchgen run", "batchgen", _tag("failure", type(error).__name__, str(error)))
    return _suite("batchgen run", [case], 0.0)


def _of_run(summary: RunSummary, job: Job) -> str:
    if summary.stop is not None:
        found = _tag("failure", summary.stop.kind.value, summary.stop.message)
    elif exit_of(summary, job) is ExitCode.EMPTY:
        found = _tag("failure", "empty", "no row matches --select")
    else:
        found = ""
    return _case("batchgen run", job.manifest.name, found)


def _of_row(row: RowOutcome, manifest: str, blocked_is_allowed: bool) -> str:
    found = ""
    if row.status is Status.BLOCKED and blocked_is_allowed:
        found = _tag("skipped", "blocked", row.reason)
    elif row.status is not Status.OK:
        found = _tag("failure", row.status.value, row.reason)
    return _case(row.row_id, manifest, found, manifest, row.line)


def _of_problem(problem: Problem) -> str:
    found = _tag("failure", problem.code, problem.message) if problem.is_error else ""
    return _case(problem.row_id or problem.code, problem.file, found, problem.file, problem.line)


def _case(name: str, group: str, found: str, file: str | None = None, line: int | None = None) -> str:
    attributes = {"name": name, "classname": group, "file": file, "line": None if line is None else str(line)}
    shown = " ".join(f"{key}={_quoted(value)}" for key, value in attributes.items() if value is not None)
    return f"    <testcase {shown}>{found}</testcase>\n" if found else f"    <testcase {shown}/>\n"


def _tag(tag: str, kind: str, message: str) -> str:
    return f"<{tag} type={_quoted(kind)} message={_quoted(message)}>{escape(printable(message))}</{tag}>"


def _suite(name: str, cases: Iterable[str], seconds: float) -> str:
    cases = list(cases)
    failures = sum("<failure " in case for case in cases)
    skipped = sum("<skipped " in case for case in cases)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}" time="{seconds:.3f}"'
    suite = f"  <testsuite name={_quoted(name)} {counts}>\n{''.join(cases)}  </testsuite>\n"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {counts}>\n{suite}</testsuites>\n'


def _quoted(text: str) -> str:
    return quoteattr(printable(text), {"\n": "&#10;"})
