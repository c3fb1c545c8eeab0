"""Completion offers what the grammar has, in a real shell, and leaves the names of files to it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli.conftest import Run

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@needs_bash
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["ru"], {"run"}),
        (["st"], {"status"}),
        (["run", "--max-c"], {"--max-cost", "--max-cost-usd"}),
        (["run", "m.csv", "-o", "out", "--on"], {"--on-end"}),
        (["run", "m.csv", "--in-doubt", ""], {"retry", "skip"}),
        (["run", "m"], set()),
        (["export", "w"], {"webdataset"}),
        (["export", "parquet", "out", "dest", "--sh"], {"--shard-size"}),
        (["completion", "z"], {"zsh"}),
        (["verify", "--max-cost"], set()),
    ],
)
def test_bash_completes_what_is_typed(run: Run, typed: list[str], offered: set[str]) -> None:
    script = run("completion", "bash").out
    words = shlex.join(["batchgen", *typed])
    program = f'{script}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _batchgen; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert (set(done.stdout.split()), done.stderr) == (offered, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_the_script_without_complaint(run: Run, shell: str) -> None:
    ended = run("completion", shell)
    assert ended.code == 0
    for word in ("reconcile", "webdataset", "shard-size", "images-per-minute"):
        assert word in ended.out
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=ended.out, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_another_shell_is_refused_with_those_there_are(run: Run) -> None:
    ended = run("completion", "tcsh")
    assert ended.code == 2
    assert "bash" in ended.err
