"""Keeps the page cache small while measuring, so that every contestant finds memory in the same state.

A virtual machine that hands free memory back to its host asks for each page again when the cache grows: a file
of 1 MB then takes 2.8 ms of processor time to write instead of 0.3, charged to the process whose turn it is.
Within a memory cgroup of a fixed size the same pages are used over and over.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# Room for the largest client and for the files that it reads; W1 writes more than twice as much.
_LIMIT_BYTES = 3 * 1024**3
# cgroup v1 and v2, as Linux documents them.
_HOMES = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))


def confine() -> bool:
    """Put this process, and so all that it starts, into a cgroup of its own; return whether that was allowed."""
    for home, limit in _HOMES:
        with suppress(OSError):
            group = Path(home, f"batchgen-benchmarks-{os.getpid()}")
            group.mkdir()
            (group / limit).write_text(str(_LIMIT_BYTES))
            (group / "cgroup.procs").write_text(str(os.getpid()))
            return True
    return False
