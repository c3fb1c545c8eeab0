"""The entry point: finds the command, runs it, and turns what went wrong into words and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from batchgen.cli.arguments import build_parser
from batchgen.cli.exits import Exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    options = build_parser().parse_args(arguments)
    # Only the chosen command's room is imported: `check` never waits for what `run` needs.
    command = import_module(f"batchgen.cli.{options.command}")
    from batchgen.cli.words import complain
    from batchgen.values import BatchgenError

    try:
        return int(command.execute(options))
    except BatchgenError as error:
        complain(str(error))
        return _exit_of(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`: nothing is left to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


def _exit_of(error: Exception) -> Exit:
    """The exit code for an error that ended a command. A dataset room that was never imported raised none of it."""
    datasets = sys.modules.get("batchgen.dataset.errors")
    if datasets is not None and isinstance(error, datasets.DatasetError):
        return Exit.STOPPED
    return Exit.USAGE
