"""Decoders: processes that shrink images, and that an image may take with it without harm to anything else.

Each is started with its first image, and has one at a time. One that dies of an image, of too much processor time or of
a crash, is replaced for the next image; all are killed when nobody wants their answers any more.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from base64 import b64decode
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Self

from batchgen.core.bare_environment import bare_environment

# By its path, for what a package imports would take ten times as long as the program itself.
_PROGRAM = Path(__file__).with_name("shrink.py")


class Undecodable(Exception):
    """An image that cannot be shown; the text says why."""


class Decoder:
    """A decoder that grants each image `seconds` of processor time; for a `with` block, and for selectors."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._process: Popen[bytes] | None = None

    def fileno(self) -> int:
        """What becomes readable when the answer is there; another one after each `ask`."""
        return self._line.fileno()

    def ask(self, path: Path) -> None:
        """Begin with an image. Raises OSError if no process can be started."""
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._start()
        with suppress(ConnectionError):  # it died just now: `answer` finds that
            self._line.sendall(json.dumps(os.fspath(path)).encode() + b"\n")

    def answer(self) -> bytes:
        """Wait for the small image of the image, a WebP, and return it. Raises Undecodable."""
        line = self._read()
        if not line.endswith(b"\n") and self._process is not None:
            raise Undecodable(self._cause_of_death(self._process.wait()))
        answer = json.loads(line)
        if "reason" in answer:
            raise Undecodable(answer["reason"])
        return b64decode(answer["webp"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._line.close()

    def _start(self) -> Popen[bytes]:
        self._line, theirs = socket.socketpair()
        with theirs:
            # -P: modules come from where they are installed, not from beside the program.
            command = [sys.executable, "-P", str(_PROGRAM), str(self._seconds)]
            # Ctrl-C is for the process that waits for the answers: this one is in a group of its own.
            return Popen(  # noqa: S603
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=DEVNULL,
                process_group=0,
                env=bare_environment(),
            )

    def _read(self) -> bytes:
        """One line, or its beginning if the decoder died."""
        with suppress(ConnectionError), self._line.makefile("rb") as answers:
            return answers.readline()
        return b""

    def _cause_of_death(self, code: int) -> str:
        if code == -signal.SIGXCPU:
            return f"decoding takes more than {self._seconds} s"
        return f"decoding ends in a crash ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
