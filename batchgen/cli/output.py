"""How things are said: numbers, money, times, and text that nobody can trust."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import msgspec


def printable(text: str) -> str:
    """Return text for a terminal: control characters and escapes from prompts and answers are shown, not obeyed."""
    return "".join(
        character if character.isprintable() or character == "\n" else _shown(character) for character in text
    )


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


def echo(text: str = "") -> None:
    """Print a result on stdout. Raises OSError."""
    _print(printable(text))


def echo_json(value: object) -> None:
    """Print a result on stdout as one line of JSON, which a terminal cannot take for anything else either.

    Raises OSError.
    """
    _print(as_json(value))


def as_json(value: object) -> str:
    """JSON in which whatever is not printable is escaped."""
    text = msgspec.json.encode(value).decode()
    return text if text.isprintable() else "".join(map(_escaped, text))


def count(number: int, noun: str) -> str:
    """`1 image`, `1,200 images`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def dollars(usd: float) -> str:
    """An amount with as many digits as it needs to be more than zero."""
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}".rstrip("0").ljust(5, "0")


def size(number_of_bytes: int) -> str:
    """`2.1 MB`, `340 GB`: powers of a thousand, as disks are sold."""
    value, unit = number_of_bytes / 1e6, "MB"
    for larger in ("GB", "TB"):
        if value >= 1000:
            value, unit = value / 1000, larger
    return f"{value:,.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def duration(seconds: float) -> str:
    """`3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def shorten(text: str, width: int = 160) -> str:
    """Text on one line, cut off with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


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


def _shown(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()
