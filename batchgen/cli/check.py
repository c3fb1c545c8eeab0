"""`batchgen check`: every row and the configuration, all errors at once."""

from __future__ import annotations

from argparse import Namespace

from batchgen._api.check import Check
from batchgen.cli.annotations import write_annotations
from batchgen.cli.columns import describe_columns
from batchgen.cli.config import FLAGS, settings_of, warn_of_unread_file
from batchgen.cli.output import as_json, echo, warn
from batchgen.cli.problems import grouped
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count


def execute(options: Namespace) -> ExitCode:
    """Check a manifest and print what is wrong; exit code 2 if anything is."""
    warn_of_unread_file(options)
    with ProgressBar("checking") as reading:
        check = Check(options.manifest, options.config, settings_of(options), FLAGS, reading.advance)
        {"text": _write_text, "json": _write_json, "github": write_annotations}[options.format](check)
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
