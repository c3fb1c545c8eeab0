"""Options that several commands share, and what their values may be. Imports argparse alone, as all grammar does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple, cast

REPORT_FORMS = ("markdown", "junit")


class ReportFile(NamedTuple):
    """A report of a run that was asked for: one of REPORT_FORMS, and where to."""

    form: str
    path: Path


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a file of settings."""
    parser.add_argument("-c", "--config", metavar="CONFIG", help="a TOML file with settings")


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which requests are sent."""
    parser.add_argument("--model", metavar="NAME", help="the model for rows that name none")
    parser.add_argument("--select", metavar="GLOB", help="only rows whose id matches, for example 'hero-*'")
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="only the first N pending requests: try before you buy"
    )
    parser.add_argument(
        "--retry",
        type=statuses,
        default=frozenset(),
        metavar="STATUS,...",
        help="send again what has this status: failed, blocked",
    )
    parser.add_argument(
        "--in-doubt",
        choices=("retry", "skip"),
        default="retry",
        help="requests whose answer was never seen: send them again (default; may pay twice), or leave them alone",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how fast, and for how much. Each has its setting's name as well."""
    parser.add_argument("--rpm", "--requests-per-minute", metavar="N", help="at most N requests a minute")
    parser.add_argument("--ipm", "--images-per-minute", metavar="N", help="at most N images a minute")
    parser.add_argument("--concurrency", metavar="N", help="at most N requests in flight")
    parser.add_argument("--max-cost", "--max-cost-usd", metavar="USD", help="spend at most this much in this run")
    parser.add_argument(
        "--max-total",
        "--max-total-usd",
        metavar="USD",
        help="spend at most this much in all runs of the dataset together",
    )


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which reports of a run are written, and where their readers find things."""
    parser.add_argument(
        "--report",
        type=report_file,
        action="append",
        default=[],
        metavar="FORM=FILE",
        help="also write what was bought, what is missing and why: markdown=FILE or junit=FILE; repeatable",
    )
    parser.add_argument(
        "--image-base", metavar="URL", help="show images in the Markdown report, from where OUT can be seen"
    )
    parser.add_argument(
        "--manifest-base", metavar="URL", help="link lines in the Markdown report to the manifest below this address"
    )


def add_pruning(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which images may go, and whether they do."""
    parser.add_argument("--model", metavar="NAME", help="the model for rows that name none")
    parser.add_argument("--delete", action="store_true", help="remove them; what they cost stays in the index")
    parser.add_argument(
        "--keep-last",
        type=not_negative,
        default=0,
        metavar="N",
        help="keep, of each row, the images of the newest N requests that were replaced or removed (default 0)",
    )
    parser.add_argument("--lock", metavar="LOCK", help="keep the images that this lock file approves")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def report_file(text: str) -> ReportFile:
    """Parse FORM=FILE."""
    form, _, name = text.partition("=")
    if form not in REPORT_FORMS or not name:
        raise argparse.ArgumentTypeError(f"{text!r}: give markdown=FILE or junit=FILE")
    return ReportFile(form, Path(name))


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def names(text: str) -> dict[str, str]:
    """Parse columns of the manifest by the names that they are read as."""
    columns: dict[str, str] = {}
    for part in text.split(","):
        name, _, column = part.partition("=")
        if not name.strip() or not column or name.strip() in columns:
            raise argparse.ArgumentTypeError(f"{text!r}: give each name once, as in prompt=caption,id=name")
        columns[name.strip()] = column
    return columns


class MoreNames(argparse.Action):
    """An option that may be given again: what it says then is added."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Add names; end the program for one that was given before."""
        before = getattr(namespace, self.dest) or {}
        added = cast("dict[str, str]", values)
        if twice := sorted(before.keys() & added):
            raise argparse.ArgumentError(self, f"{twice[0]!r} is given twice")
        setattr(namespace, self.dest, before | added)


def statuses(text: str) -> frozenset[str]:
    """Parse statuses that can be sent again."""
    statuses = frozenset(part.strip() for part in text.split(","))
    if not statuses <= {"failed", "blocked"}:
        raise argparse.ArgumentTypeError(f"{text!r}: give failed, blocked, or failed,blocked")
    return statuses


def not_negative(text: str) -> int:
    """Parse a whole number."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def port(text: str) -> int:
    """Parse the number of a TCP port."""
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, which is a number from 0 to 65535")
    return int(text)
