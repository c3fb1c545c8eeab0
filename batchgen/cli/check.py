"""`batchgen check`: every row and the configuration, all errors at once."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from batchgen.catalog import load_catalog
from batchgen.cli.config import inspect_settings
from batchgen.cli.output import as_json, echo, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.errors import InputError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, printable
from batchgen.core.problems import Problem
from batchgen.manifest import open_manifest
from batchgen.planning import make_rules, read_rows


def execute(options: Namespace) -> ExitCode:
    """Check a manifest and print what is wrong; exit code 2 if anything is."""
    counts: Counter[str] = Counter()
    write = {"text": _write_text, "json": _write_json, "github": _write_github}[options.format]
    write(_find(options, counts), counts)
    return ExitCode.USAGE if _errors(counts) else ExitCode.OK


def _find(options: Namespace, counts: Counter[str]) -> Iterator[Problem]:
    """Yield all problems; leave how many rows and problems there are in `counts`."""
    try:
        for problem in _check(options, counts):
            if problem.code not in counts:
                counts[problem.code] = 0  # counted by the batch: a batch may keep some warnings to itself
            yield problem
    except InputError as error:
        for problem in error.problems:
            counts[problem.code] += 1
            yield problem


def _check(options: Namespace, counts: Counter[str]) -> Iterator[Problem]:
    loaded, problems = inspect_settings(options)
    counts.update(problem.code for problem in problems)
    yield from problems
    rules = make_rules(loaded.config, load_catalog([Path(path) for path in loaded.config.models]))
    counts.update(problem.code for problem in rules.problems)
    yield from rules.problems
    manifest = open_manifest(options.manifest)
    with ProgressBar("checking", manifest.row_count) as reading:
        for batch in read_rows(manifest, rules):
            counts["rows"] += batch.rows
            counts.update(batch.problem_counts)
            yield from batch.problems
            reading.add(batch.rows)


def _write_text(problems: Iterator[Problem], counts: Counter[str]) -> None:
    for problem in problems:
        echo(str(problem).replace("\n", "\\n"))
    errors, warnings = _errors(counts), _warnings(counts)
    warn(f"{count(counts['rows'], 'row')} checked: {count(errors, 'error')}, {count(warnings, 'warning')}.")


def _write_json(problems: Iterator[Problem], counts: Counter[str]) -> None:
    print('{"problems": [', end="")
    for number, problem in enumerate(problems):
        print(",\n  " if number else "\n  ", as_json(problem), sep="", end="")
    totals = {"rows": counts["rows"], "errors": _errors(counts), "warnings": _warnings(counts)}
    print("],", as_json(totals).removeprefix("{"))


def _write_github(problems: Iterator[Problem], counts: Counter[str]) -> None:
    for problem in problems:
        kind = "error" if problem.is_error else "warning"
        place = f"file={_property(problem.file)}"
        if problem.line is not None:
            place += f",line={problem.line},col={problem.column or 1}"
        print(f"::{kind} {place},title={problem.code}::{_message(problem.message)}")


def _message(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _errors(counts: Counter[str]) -> int:
    return sum(number for code, number in counts.items() if code.startswith("E"))


def _warnings(counts: Counter[str]) -> int:
    return sum(number for code, number in counts.items() if code.startswith("W"))
