"""`batchgen`, but for one moment: at the n-th step on the disk the process kills itself.

    driver.py STEP TRANSIENT batchgen's arguments...

STEP counts the calls of `batchgen.store.disk` that change something; TRANSIENT is before, middle or
after. With step 0 nothing is killed. How many steps there were is written to the file that
TORTURE_STEPS names. Segments and parts are made small, so that a short run seals and merges many.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batchgen.cli.main import main
from batchgen.dataset.index import compaction
from batchgen.dataset.wal import active_segment
from batchgen.store import disk

_STEPS = ("append", "cut", "sync", "sync_folder", "allocate", "rename", "remove", "make_folder", "open_new")

_guard = threading.Lock()
_count = 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def half_append(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data[: len(data) // 2])


_HALVES: dict[str, Callable[..., None]] = {"append": half_append}


def counted(name: str, works: Callable[..., Any], step: int, moment: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        global _count
        with _guard:
            _count += 1
            is_it = _count == step
        if is_it and moment == "before":
            die()
        if is_it and moment == "middle" and name in _HALVES:
            _HALVES[name](*arguments)
            die()
        result = works(*arguments)
        if is_it:
            die()
        return result

    return call


def run(step: int, moment: str, arguments: list[str]) -> int:
    for name in _STEPS:
        setattr(disk, name, counted(name, getattr(disk, name), step, moment))
    active_segment._RECORDS_PER_SEGMENT = 12
    compaction._SMALL_ROWS = 60
    code = main(arguments)
    if "TORTURE_STEPS" in os.environ:
        Path(os.environ["TORTURE_STEPS"]).write_text(str(_count))
    return code


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
