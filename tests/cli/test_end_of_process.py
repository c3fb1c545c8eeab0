"""A command that has done its work ends with its own exit code: nothing that is left of it can change that."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

# What Python takes apart speaks, as a thread of a library does that aborts the process.
PROGRAM = """
import atexit, os, sys, tempfile
class Late:
    def __del__(self, write=os.write):
        write(2, b"taken apart ")
sys.modules["late"] = Late()
sys.argv = ["batchgen", *sys.argv[1:]]
from batchgen.cli.main import start
mkstemp = tempfile.mkstemp
def kept(**options):
    atexit.register(os.write, 2, b"put away ")
    return mkstemp(**options)
tempfile.mkstemp = kept
start()
"""


@pytest.mark.parametrize(("rows", "code"), [("a fox", 0), ("", 2)])
def test_a_process_puts_its_things_away_and_is_not_taken_apart(tmp_path: Path, rows: str, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "check", "-"],
        input=f"prompt,label\n{rows},x\n".encode(),
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert re.search(rb" warnings?\.\nput away $", ended.stderr)
    assert ended.returncode == code
