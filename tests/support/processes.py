"""Processes as the kernel sees them (Linux only), and waiting until something has happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# Far more than anything here takes: a test that waits so long has failed.
_MOST_S = 120.0


def until(happened: Callable[[], T]) -> T:
    """Wait until `happened` returns something true, and return that."""
    ends_at = time.monotonic() + _MOST_S
    while not (found := happened()):
        assert time.monotonic() < ends_at, "it does not happen"
        time.sleep(0.01)
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return bool(fields) and fields[0] not in "ZX"


def children(pid: int) -> list[int]:
    """The children of a process that have not ended, the oldest first."""
    stats = ((int(path.parent.name), _fields(path)) for path in Path("/proc").glob("[0-9]*/stat"))
    return sorted(child for child, fields in stats if fields and fields[0] not in "ZX" and int(fields[1]) == pid)


def _fields(stat: Path) -> list[str]:
    """State, parent and so on; nothing if the process has gone."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []
