"""The entry point: finds the command, runs it, and turns an error into a message and an exit code.

Ctrl-C is obeyed from the first moment on, also while modules are loaded; this one loads little before that.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

TYPE_CHECKING = False  # as typing has it, whose import takes longer than all that is imported above
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import NoReturn

# Rows are read by the ten thousand, and none of them is garbage: looking for some after every 700 new objects, as
# Python does by itself, takes a fifth of the time of reading a CSV file.
_GARBAGE_THRESHOLD = 10_000
_ENVIRONMENT = {
    # Arrow takes memory from the C library: its own allocators keep what a file of millions of rows took to read,
    # 200 MB of it.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    # numpy starts a thread a processor for linear algebra, which waits for work by spinning. There is none here.
    "OPENBLAS_NUM_THREADS": "1",
}
_OPEN_FILES = 4096
# What may hold millions of rows.
_LARGE = ("plan", "run")


def start() -> NoReturn:
    """Run the command line of this process, and end it."""
    signal.signal(signal.SIGINT, _leave)  # an interrupt in the middle of an import is a traceback, or worse
    codes: list[int] = []
    atexit.register(_end, codes)  # the first that is registered is the last that is called
    codes.append(main())
    signal.signal(signal.SIGINT, _leave)
    sys.exit(codes[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    from batchgen.core.exit_codes import ExitCode
    from batchgen.core.memory import tune_allocator

    gc.set_threshold(_GARBAGE_THRESHOLD)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    _leave_no_core_dump()
    _allow_open_files()
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what a terminal has no letters for is shown all the same
    if options.command in _LARGE:
        tune_allocator()  # before Arrow, which begins a thread when it is imported
    # Only the chosen command's room is imported: `check` never waits for what `run` needs.
    command = import_module(f"batchgen.cli.{options.command}")
    from batchgen.cli.output import warn
    from batchgen.core.errors import BatchgenError

    try:
        if signal.getsignal(signal.SIGINT) is _leave:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # the command may have something to put away
        code = int(command.execute(options))
        print(end="", flush=True)  # here, where a reader that has gone is no accident
        return code
    except BatchgenError as error:
        warn(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`.
        _silence_stdout()
        return ExitCode.OK
    except OSError as error:
        warn(f"Stopped: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        _silence_stdout()
        return ExitCode.STOPPED


def _parse(arguments: Sequence[str]) -> Namespace:
    from batchgen.cli.arguments import build_parser

    parser = build_parser()
    for argument in arguments:
        if not argument.isprintable() and any("\ud800" <= character <= "\udfff" for character in argument):
            parser.error(f"{argument!a} is not UTF-8; the dataset could not say where it comes from: rename it")
    return parser.parse_args(arguments)


def _leave(*_: object) -> NoReturn:
    os._exit(130)  # ExitCode.INTERRUPTED, whose module may not be loaded yet


def _end(codes: Sequence[int]) -> None:
    """End a process whose command has ended, before Python takes itself apart.

    A command that had said everything ended with SIGABRT, twice in some 180 runs on a busy machine. What aborts is not
    proven: most likely a thread of Arrow's that lets go of a file of Python's while Python is taken apart.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    if codes:
        os._exit(codes[0])


def _leave_no_core_dump() -> None:
    """A dump of memory would hold the API key, and lie around in a file."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _allow_open_files() -> None:
    """An index in hundreds of parts is read with all of them open; macOS allows 256 files unless a process asks."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
        if now != resource.RLIM_INFINITY and now < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _silence_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
