"""Makes every Python process that finds this on its path lack what macOS lacks, and have the fsync that it has.

Calls of F_FULLFSYNC are counted in the file that MACOS_SYNCS names.
"""

from __future__ import annotations

import builtins
import ctypes
import fcntl
import io
import os
import select
from typing import Any

_F_FULLFSYNC = 51  # its number on macOS

for module, names in {
    os: "posix_fallocate posix_fadvise copy_file_range memfd_create eventfd splice sched_getaffinity sched_setaffinity "
    "O_TMPFILE O_DIRECT getrandom sched_setscheduler pidfd_open setns unshare",
    select: "epoll",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for name in [name for name in dir(os) if name.startswith("POSIX_FADV_")]:
    delattr(os, name)

_fcntl, _open = fcntl.fcntl, io.open


def _fcntl_of_macos(descriptor: int, command: int, *arguments: Any) -> Any:
    if command != _F_FULLFSYNC:
        return _fcntl(descriptor, command, *arguments)
    with _open(os.environ["MACOS_SYNCS"], "a") as counted:
        counted.write("1")
    os.fsync(descriptor)
    return 0


def _open_without_proc(file: Any, *arguments: Any, **named: Any) -> Any:
    if isinstance(file, str | os.PathLike) and os.fspath(file).startswith("/proc/"):
        raise FileNotFoundError(file)
    return _open(file, *arguments, **named)


class _Library(ctypes.CDLL):
    """A C library that is not glibc."""

    def __getattr__(self, name: str) -> Any:
        if name in ("mallopt", "malloc_trim"):
            raise AttributeError(name)
        return super().__getattr__(name)


fcntl.fcntl = _fcntl_of_macos  # type: ignore[assignment]
fcntl.F_FULLFSYNC = _F_FULLFSYNC  # type: ignore[attr-defined,unused-ignore]
io.open = builtins.open = _open_without_proc
ctypes.CDLL = _Library  # type: ignore[misc]
