"""`check --format github`: annotations beside the lines of the manifest, as GitHub shows them: ten of a kind in a step.

Source: https://docs.github.com/rest/checks/runs and
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from batchgen._api.check import Check, Problem
from batchgen.cli.problems import grouped
from batchgen.core.format import printable

# What comes after these, GitHub drops without a word.
_SHOWN = 10


def write_annotations(check: Check) -> None:
    """Make a check, and print its errors, then its warnings: ten in all, the last of which says how many are left."""
    problems = sorted(grouped(check), key=lambda problem: not problem.is_error)  # in the order of the file otherwise
    more = len(problems) - _SHOWN
    for number, problem in enumerate(problems[:_SHOWN], 1):
        rest = f"\nand {more:,} more: `batchgen check` lists them" if number == _SHOWN and more > 0 else ""
        kind = "error" if problem.is_error else "warning"
        print(f"::{kind} {_place(problem)},title={problem.code}::{_message(problem.message + rest)}")


def _place(problem: Problem) -> str:
    place = f"file={_property(problem.file)}"
    return place if problem.line is None else f"{place},line={problem.line},col={problem.column or 1}"


def _message(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
