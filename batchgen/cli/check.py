"""`batchgen check`: every row and the configuration, all errors at once."""

from __future__ import annotations

from argparse import Namespace

from batchgen._api.check import Check, Problem
from batchgen.cli.columns import describe_columns
from batchgen.cli.config import FLAGS, settings_of, warn_of_unread_file
from batchgen.cli.output import as_json, echo, warn
from batchgen.cli.problems import grouped
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, printable


def execute(options: Namespace) -> ExitCode:
    """Check a manifest and print what is wrong; exit code 2 if anything is."""
    warn_of_unread_file(options)
    with ProgressBar("checking") as reading:
        check = Check(options.manifest, options.config, settings_of(options), FLAGS, reading.advance)
        {"text": _write_text, "json": _write_json, "github": _write_github}[options.format](check)
    return ExitCode.USAGE if check.errors else ExitCode.OK


def _write_text(check: Check) -> None:
    for problem in grouped(check):
        echo(str(problem).replace("\n", "\\n"))
    if check.columns is not None:
        warn(describe_columns(check.columns)[0])
    warn(f"{count(check.rows, 'row')} checked: {count(check.errors, 'error')}, {count(check.warnings, 'warning')}.")


def _write_json(check: Check) -> None:
    print('{"problems": [', end="")
    for number, problem in enumerate(check):
        print(",\n  " if number else "\n  ", as_json(problem), sep="", end="")
    totals = {"rows": check.rows, "errors": check.errors, "warnings": check.warnings}
    print("],", as_json(totals).removeprefix("{"))


def _write_github(check: Check) -> None:
    for problem in grouped(check):
        kind = "error" if problem.is_error else "warning"
        print(f"::{kind} {_place(problem)},title={problem.code}::{_message(problem.message)}")


def _place(problem: Problem) -> str:
    place = f"file={_property(problem.file)}"
    return place if problem.line is None else f"{place},line={problem.line},col={problem.column or 1}"


def _message(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
