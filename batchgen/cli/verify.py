"""`batchgen verify`: is every image there, with the bytes that were received?"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from batchgen.cli.exits import Exit
from batchgen.cli.reading import Reading
from batchgen.cli.words import complain, count, say, say_json
from batchgen.dataset.reader import open_layout
from batchgen.dataset.verify import Finding, verify


def execute(options: Namespace) -> Exit:
    """Check a dataset and print what is wrong; exit code 1 if anything is."""
    layout = open_layout(Path(options.out))
    findings: list[Finding] = []
    images = 0

    def checked(number: int) -> None:
        nonlocal images
        images += number
        reading.add(number)

    with Reading("verifying", None, "image") as reading:
        for finding in verify(layout, checked):
            findings.append(finding)
            if not options.json:
                say(f"{finding.fault.value:<8} {finding.path}  {finding.row_id or '-'}  {finding.detail}")
    if options.json:
        say_json({"images": images, "findings": findings})
    complain(f"{count(images, 'image')} checked, {count(len(findings), 'problem')}.")
    return Exit.FAILURES if findings else Exit.OK
