"""Exit codes: what a script that calls batchgen can rely on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. After BUDGET, STOPPED, INTERRUPTED and TERMINATED the same command resumes."""

    OK = 0  # all done, or up to date
    # finished, but more images are missing than allowed; an error as of USAGE, found after something was sent; or a
    # dataset is faulty
    FAILURES = 1
    USAGE = 2  # usage, configuration or manifest error: nothing was sent
    BUDGET = 3  # the budget is reached
    STOPPED = 4  # by account, lock, disk or network
    EMPTY = 5  # the selection is empty
    INTERRUPTED = 130  # Ctrl-C
    TERMINATED = 143  # SIGTERM
