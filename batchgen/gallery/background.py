"""Thumbnails beside a run: made while it waits, by a process that gets only what time the run leaves.

The run writes the names of the images that it has saved into a pipe, and never waits: what finds no room there, since
images come faster than they can be shrunk, is left for the end. A process that fails takes nothing with it but
thumbnails, and those too are made at the end.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import Self

from batchgen.core.bare_environment import bare_environment
from batchgen.core.outcomes import Status
from batchgen.dataset.index.records import IndexRecord
from batchgen.gallery.slots import MOST_SLOTS
from batchgen.gallery.thumbnails import SHOWN_AS_THEY_ARE

# At the end of its stdin it ends in milliseconds, unless the machine leaves it no time at all.
_PATIENCE_S = 1.0


class BackgroundThumbnails:
    """Makes thumbnails of what is saved to a dataset until the `with` block ends. The process starts with the first."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)  # noqa: PTH100  a link stays what it is
        self._maker: Popen[bytes] | None = None
        self._failed = False

    def saved(self, records: Sequence[IndexRecord]) -> None:
        """Have thumbnails made of these images, which are durable. Returns at once, and raises nothing."""
        for record in records:
            if record.status is Status.OK and record.mime_type not in SHOWN_AS_THEY_ARE and not self._failed:
                self._tell(json.dumps([record.file_name, record.sha256]).encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._maker is None or self._maker.stdin is None:
            return
        self._maker.stdin.close()
        try:
            self._maker.wait(_PATIENCE_S)
        except TimeoutExpired:
            self._maker.kill()
            self._maker.wait()

    def _tell(self, line: bytes) -> None:
        """Write a line that is short enough to be written whole or not at all."""
        try:
            if self._maker is None:
                self._maker = self._start()
            if self._maker.stdin is not None:
                self._maker.stdin.write(line)  # None where the pipe is full
        except OSError:  # no process can be started, or it has ended
            self._failed = True

    def _start(self) -> Popen[bytes]:
        command = [sys.executable, "-P", "-m", "batchgen.gallery.maker", self._root, str(MOST_SLOTS)]
        # Ctrl-C is for the run: this one is in a group of its own.
        maker = Popen(  # noqa: S603
            command,
            bufsize=0,
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            process_group=0,
            env=bare_environment(),
        )
        if maker.stdin is not None:
            os.set_blocking(maker.stdin.fileno(), False)
        return maker
