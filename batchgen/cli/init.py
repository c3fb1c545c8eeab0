"""`batchgen init`: a manifest and a configuration to start from."""

from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path

from batchgen._api.starter import write_starter
from batchgen.cli.output import echo, warn
from batchgen.core.exit_codes import ExitCode


def execute(options: Namespace) -> ExitCode:
    """Write the files, print where they are, and say what to type next."""
    manifest, config = write_starter(options.folder)
    echo(str(manifest))
    echo(str(config))
    out = Path(options.folder) / "dataset"
    files = f"{shlex.quote(str(manifest))} -o {shlex.quote(str(out))} -c {shlex.quote(str(config))}"
    warn(f"Try it:  batchgen run {files} --simulate   (no key, no network, no cost)")
    return ExitCode.OK
