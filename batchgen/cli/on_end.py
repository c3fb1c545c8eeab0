"""`--on-end COMMAND`: a program of the user's own that is told how a run ended. What becomes of it changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from batchgen._api.keyless import keyless_environment
from batchgen.cli.output import as_report, warn
from batchgen.core.errors import BatchgenError
from batchgen.core.exit_codes import ExitCode

# Long enough to copy a night's images elsewhere, short enough that no job queue waits for a command that hangs.
_PATIENCE_S = 600.0


class EndCommand:
    """Runs a command in a shell, with a report as JSON on its stdin, what it prints on stderr, and without API keys.

    It has a session of its own: the Ctrl-C that ended the run does not end it.
    """

    def __init__(self, command: str | None, config: str | None, patience_s: float = _PATIENCE_S) -> None:
        self._command = command
        self._config = config
        self._patience_s = patience_s

    def run(self, report: Mapping[str, object]) -> None:
        """Run it and wait for its end, but no longer than patience lasts."""
        process = self._start()
        if process is None:
            return
        try:
            process.communicate(as_report(report), timeout=self._patience_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            warn(
                f"--on-end: killed after {self._patience_s:g} s. A command that takes longer can go on behind: `... &`"
            )
        except KeyboardInterrupt:
            _kill(process)
            warn("--on-end: killed by Ctrl-C.")
        else:
            if process.returncode:
                warn(f"--on-end: the command ended with exit code {process.returncode}; the run's own stays as it is.")

    def run_for(self, error: BaseException) -> None:
        """Run it for a run that ended with an error."""
        self.run({"exit_code": int(_exit_code(error)), "error": str(error)})

    def leave(self, report: Mapping[str, object]) -> None:
        """Start it and wait for nothing."""
        process = self._start()
        if process is not None and process.stdin is not None:
            process.stdin.write(as_report(report))
            process.stdin.flush()

    def _start(self) -> subprocess.Popen[str] | None:
        if self._command is None:
            return None
        try:
            return subprocess.Popen(  # noqa: S602  the user's own words, as in a shell
                self._command,
                shell=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL if sys.stderr is None else 2,
                env=keyless_environment(self._config),
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )
        except (OSError, ValueError) as error:
            warn(f"--on-end: the command cannot be started: {error}")
            return None


def _kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _exit_code(error: BaseException) -> ExitCode:
    match error:
        case BatchgenError():
            return error.exit_code
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
        case OSError():
            return ExitCode.STOPPED
        case _:
            return ExitCode.FAILURES  # as Python ends
