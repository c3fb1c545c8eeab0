"""`batchgen verify`: is every image there, with the bytes that were received? And if not, what can be done?"""

from __future__ import annotations

from argparse import Namespace

from batchgen._api.integrity import FileFault, FileProblem, Repaired, repair, verify
from batchgen.cli.gallery import refresh_gallery
from batchgen.cli.output import echo, echo_json, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, dollars, printable
from batchgen.core.place import Place, as_place


def execute(options: Namespace) -> ExitCode:
    """Check a dataset, and with --repair put it right; exit code 1 if anything is, or stays, wrong."""
    out = as_place(options.out)
    return _repair(out, options.json) if options.repair else _verify(out, options.json)


def _verify(out: Place, as_json: bool) -> ExitCode:
    findings: list[FileProblem] = []
    images = 0

    def advance(done: int, total: int | None) -> None:
        nonlocal images
        images += done
        reading.advance(done, total)

    with ProgressBar("verifying", "image") as reading:
        for finding in verify(out, advance=advance):
            findings.append(finding)
            if not as_json:
                echo(_describe(finding))
    if as_json:
        echo_json({"images": images, "findings": findings})
    else:
        echo(f"{count(images, 'image')} checked, {count(len(findings), 'problem')}.")
    if any(finding.fault is not FileFault.UNTRACKED for finding in findings):
        warn(f"`batchgen verify {out} --repair` puts right what can be put right without paying.")
    return ExitCode.FAILURES if findings else ExitCode.OK


def _repair(out: Place, as_json: bool) -> ExitCode:
    done: list[Repaired] = []
    for repaired in repair(out):
        done.append(repaired)
        if not as_json:
            echo(f"{_describe(repaired.finding)}: {repaired.action}")
    again = [repaired for repaired in done if repaired.is_to_be_made_again]
    again_usd = sum(repaired.again_usd for repaired in again)
    if as_json:
        echo_json({"repaired": done, "again": len(again), "again_usd": again_usd})
    warn(f"{count(len(done), 'problem')}, {count(len(again), 'image')} to be made again.")
    if again:
        warn(f"Next: the run's own command, again. It asks for them, for about {dollars(again_usd)}.")
    refresh_gallery(out)
    return ExitCode.FAILURES if again else ExitCode.OK


def _describe(finding: FileProblem) -> str:
    # One line for each finding, whatever a file's name holds.
    names = (finding.path, finding.row_id or "-", finding.detail)
    return f"{finding.fault.value:<9} {'  '.join(printable(name).replace(chr(10), chr(92) + 'n') for name in names)}"
