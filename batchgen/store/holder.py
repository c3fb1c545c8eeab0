"""Who holds a lock, as its file says, and whether that process is known to live or to be dead.

A process id means something only within one boot of one machine, and one namespace of processes there (a container has
its own). It is given again to others, so the time of the process's start goes with it.
"""

from __future__ import annotations

import os
import secrets
import socket
import uuid
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import msgspec
from msgspec.structs import replace


class Life(Enum):
    """What is known of a holder."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"  # it is, or was, on another machine


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A process that holds a lock.

    since: when it took the lock, ISO 8601. machine: within what its pid means something. started: when the process
    did, in the machine's own count; empty where that is not known. token: tells this lock from all others; empty in
    the file of an older version. inode: of the lock's file; that of a copy is another. beats: counts how often
    the holder has shown that it lives, with leading zeros.
    """

    pid: int
    host: str
    since: str
    machine: str = ""
    started: str = ""
    token: str = ""
    inode: int = 0
    beats: str = ""

    def describe(self) -> str:
        """Return who it is, in words."""
        return f"process {self.pid} on {self.host} since {self.since}"

    def life(self, inode: int) -> Life:
        """Whether the process runs and holds the lock of this file, as far as this machine knows."""
        if not self.machine or self.machine != _machine():
            return Life.UNKNOWN
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return Life.DEAD
        except (OSError, OverflowError):
            pass  # it is there, and another user's
        state, started = _process(self.pid)
        is_other = bool(started and self.started) and started != self.started
        if is_other or state in ("Z", "X"):
            return Life.DEAD
        # A copy, or the same file on another mount, which may number its files in its own way.
        return Life.ALIVE if inode == self.inode else Life.UNKNOWN


def this_process() -> Holder:
    """Return this process as the holder of a new lock."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    _, started = _process(os.getpid())
    return Holder(os.getpid(), socket.gethostname(), since, _machine(), started, secrets.token_hex(16))


def encode(holder: Holder, inode: int, beats: int) -> bytes:
    """Return what stands in the file of a lock; its length does not change with `beats`."""
    return msgspec.json.encode(replace(holder, inode=inode, beats=f"{beats:012d}")) + b"\n"


def decode(text: bytes) -> Holder | None:
    """Return who a lock's file names; None if there is no sense in it."""
    try:
        holder = msgspec.json.decode(text, type=Holder)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return holder if holder.pid > 0 else None  # others mean groups of processes


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{uuid.getnode():012x}"  # no Linux: the address of its network card


def _process(pid: int) -> tuple[str, str]:
    """State and time of start of a process; empty where the system does not say."""
    try:
        # The name of the program, in parentheses, may hold anything.
        _, _, values = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
        fields = values.split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", ""
