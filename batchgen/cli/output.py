"""Where words go: results to stdout, everything else to stderr, all of it safe for a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TextIO

import msgspec

from batchgen.core.format import printable, round_usd


def warn(text: str) -> None:
    """Say on stderr what went wrong. A log on a full disk, or a terminal that has gone, stops no run."""
    if sys.stderr is not None:
        try:
            print(printable(text), file=sys.stderr, flush=True)
        except OSError:
            _drop_unwritten(sys.stderr)


def on_terminal() -> bool:
    """Whether there is somebody who sees stderr as it is written."""
    return sys.stderr is not None and sys.stderr.isatty()


async def read_line() -> str:
    """Return the next line of stdin, which is a terminal; no thread is left waiting if this is cancelled."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        if not line.done():
            line.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin, read)
    try:
        return await line
    finally:
        loop.remove_reader(sys.stdin)


def echo(text: str = "") -> None:
    """Print a result on stdout. Raises OSError."""
    _print(printable(text))


def echo_json(value: object) -> None:
    """Print a result on stdout as one line of JSON, printable and with rounded sums of money. Raises OSError."""
    _print(as_report(value))


def as_report(value: object) -> str:
    """A result as one line of JSON, printable and with rounded sums of money."""
    return as_json(_with_rounded_usd(msgspec.to_builtins(value)))


def as_json(value: object) -> str:
    """JSON in which whatever is not printable is escaped."""
    text = msgspec.json.encode(value).decode()
    return text if text.isprintable() else "".join(map(_escaped, text))


def _with_rounded_usd(value: object, is_usd: bool = False) -> object:
    """The same builtins with every amount rounded: those whose key ends with _usd, also in a table of them."""
    match value:
        case dict():
            return {key: _with_rounded_usd(item, is_usd or str(key).endswith("_usd")) for key, item in value.items()}
        case list() | tuple():
            return [_with_rounded_usd(item, is_usd) for item in value]
        case float() if is_usd:
            return round_usd(value)
        case str():
            return value.encode("utf-8", "backslashreplace").decode()  # a name of a file may be no text
        case _:
            return value


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_unwritten(sys.stdout)
        raise OSError(error.errno, error.strerror, "standard output") from error


def _drop_unwritten(stream: TextIO) -> None:
    """Let a stream forget what it could not write: Python would try again at its end, and change the exit code."""
    number = stream.fileno()
    there, nowhere = os.dup(number), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    stream.flush()
    os.dup2(there, number)
    os.close(there)
    os.close(nowhere)


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    import json  # hardly any text needs it

    return json.dumps(character).strip('"')
