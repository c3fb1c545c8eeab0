"""`batchgen verify`: is every image there, with the bytes that were received? And if not, what can be done?"""

from __future__ import annotations

from argparse import Namespace
from itertools import chain
from pathlib import Path

from batchgen.cli.output import echo, echo_json, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.cli.refresh import refresh_gallery
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, dollars
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import open_layout
from batchgen.dataset.repair.repair import Repaired, repair
from batchgen.dataset.repair.verify import FileFault, FileProblem, missing_records, missing_texts, verify
from batchgen.store.lock import is_held


def execute(options: Namespace) -> ExitCode:
    """Check a dataset, and with --repair put it right; exit code 1 if anything is, or stays, wrong."""
    layout = open_layout(Path(options.out))
    return _repair(layout, options.json) if options.repair else _verify(layout, options.json)


def _verify(layout: Layout, as_json: bool) -> ExitCode:
    findings: list[FileProblem] = []
    images = 0

    def checked(number: int) -> None:
        nonlocal images
        images += number
        reading.add(number)

    # A run moves parts about, and writes the dataset view when it ends.
    at_rest = () if is_held(layout.lock) else chain(missing_records(layout), missing_texts(layout))
    with ProgressBar("verifying", None, "image") as reading:
        for finding in chain(verify(layout, checked), at_rest):
            findings.append(finding)
            if not as_json:
                echo(_words(finding))
    if as_json:
        echo_json({"images": images, "findings": findings})
    else:
        echo(f"{count(images, 'image')} checked, {count(len(findings), 'problem')}.")
    if any(finding.fault is not FileFault.UNTRACKED for finding in findings):
        warn(f"`batchgen verify {layout.root} --repair` puts right what can be put right without paying.")
    return ExitCode.FAILURES if findings else ExitCode.OK


def _repair(layout: Layout, as_json: bool) -> ExitCode:
    done: list[Repaired] = []
    with ProgressBar("verifying", None, "image"):
        for repaired in repair(layout):
            done.append(repaired)
            if not as_json:
                echo(f"{_words(repaired.finding)}: {repaired.action}")
    again = [repaired for repaired in done if repaired.is_to_be_made_again]
    again_usd = sum(repaired.again_usd for repaired in again)
    if as_json:
        echo_json({"repaired": done, "again": len(again), "again_usd": again_usd})
    warn(f"{count(len(done), 'problem')}, {count(len(again), 'image')} to be made again.")
    if again:
        warn(f"Next: the run's own command, again. It asks for them, for about {dollars(again_usd)}.")
    refresh_gallery(layout)
    return ExitCode.FAILURES if again else ExitCode.OK


def _words(finding: FileProblem) -> str:
    return f"{finding.fault.value:<9} {finding.path}  {finding.row_id or '-'}  {finding.detail}"
