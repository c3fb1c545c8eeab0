"""events.jsonl: one line for every decision of a run, to be read afterwards or followed while it runs.

A line is a JSON object with `at` (UTC), `run` and `event`, and what belongs to that event. The log
informs; nothing resumes from it, so it is not fsynced, it may be deleted, and a full disk costs
the event and not the run.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from batchgen.store import disk

_encoder = msgspec.json.Encoder()

EventValue = str | int | float | bool | None


# Ten thousand attempts and all that is said of them; a window of a minute holds no more.
_TAIL_BYTES = 16 * 1024 * 1024
# A line holds one message of at most a thousand characters.
_LINE_BYTES = 64 * 1024


class SentEvent(msgspec.Struct, frozen=True):
    """What the pace of a run has to know of an earlier one: when an attempt left, and for how many images."""

    at: datetime
    event: str
    images: int = 0
    provider: str = "aimlapi"  # the only one of versions that did not name it


class _First(msgspec.Struct, frozen=True):
    run: str


_sent_decoder = msgspec.json.Decoder(SentEvent)


class EventLog:
    """Appends events to a file; a line is in the operating system's hands when `write` returns, or with `flush`.

    Belongs to one thread.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self._run_id = run_id
        self._descriptor = disk.open_log(path)
        self._torn = _ends_torn(path)
        self._noted: list[bytes] = []

    def write(self, event: str, **values: EventValue) -> None:
        """Append one event, if the disk takes it."""
        self.note(event, **values)
        self.flush()

    def note(self, event: str, **values: EventValue) -> None:
        """Keep one event for the next `write` or `flush`: many at once cost as much as one."""
        about = {"at": datetime.now(UTC), "run": self._run_id, "event": event}
        self._noted.append(_encoder.encode(about | values) + b"\n")

    def flush(self) -> None:
        """Append what was noted, if the disk takes it."""
        if not self._noted:
            return
        lines = b"".join(self._noted)
        self._noted.clear()
        try:
            disk.append(self._descriptor, b"\n" + lines if self._torn else lines)
            self._torn = False
        except OSError:
            self._torn = True

    def close(self) -> None:
        """Close the file."""
        self.flush()
        os.close(self._descriptor)


def _ends_torn(path: Path) -> bool:
    """Whether the one who wrote the last line died, or ran out of room, in the middle of it."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def first_run_id(path: Path) -> str | None:
    """Return the id of the earliest run that a log tells of, None if it tells of none."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.readline(_LINE_BYTES), type=_First).run
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def sent_since(path: Path, moment: datetime) -> list[SentEvent]:
    """Return the attempts that left after `moment`, as far as a log tells; whatever is not readable is passed over."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.readlines()
    except OSError:
        return []
    found = []
    for line in reversed(lines):
        try:
            entry = _sent_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        # Clocks may step back a little between machines; the log's order is nearly that of time.
        if entry.at.tzinfo is None or entry.at < moment - timedelta(seconds=1):
            break
        if entry.event == "sent":
            found.append(entry)
    return found
