"""`batchgen expand`: the rows of a sweep as CSV."""

from __future__ import annotations

import io
from argparse import Namespace

from batchgen._api.expand import write_expanded
from batchgen.cli.output import warn
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count


def execute(options: Namespace) -> ExitCode:
    """Print the table that a sweep stands for."""
    table = io.StringIO()
    rows = write_expanded(options.manifest, table)
    print(table.getvalue(), end="")
    warn(f"{count(rows, 'row')}.")
    return ExitCode.OK
