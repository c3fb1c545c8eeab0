"""The kernel's locks on files: they die with their process however that ends, and some file systems have none."""

from __future__ import annotations

import errno
import fcntl
from enum import Enum

# What a file system without locks answers, mostly a network one. EBADF: one that locks for writing only what was
# opened for writing.
_WITHOUT = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.EBADF}
)


class Flock(Enum):
    """The outcome of asking for a lock."""

    HELD = "held"
    BUSY = "busy"  # another process has it
    NONE = "none"  # the file system has no locks


def try_flock(descriptor: int, *, shared: bool = False) -> Flock:
    """Lock an open file if nobody else has, and wait for nothing; closing it lets go. Raises OSError."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return Flock.BUSY
    except OSError as error:
        if error.errno not in _WITHOUT:
            raise
        return Flock.NONE
    return Flock.HELD


def unlock(descriptor: int) -> None:
    """Let go of an open file that stays open. Raises OSError."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
