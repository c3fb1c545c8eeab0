"""events.jsonl: one line for every decision of a run, to be read afterwards or followed while it runs.

A line is a JSON object with `at` (UTC), `run` and `event`, and what belongs to that event. The log
informs; nothing resumes from it, so it is not fsynced, and it may be deleted.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from batchgen.dataset import disk

_encoder = msgspec.json.Encoder()

EventValue = str | int | float | bool | None


# Ten thousand attempts and all that is said of them; a window of a minute holds no more.
_TAIL_BYTES = 16 * 1024 * 1024


class Sent(msgspec.Struct, frozen=True):
    """What the pace of a run has to know of an earlier one: when an attempt left, and for how many images."""

    at: datetime
    event: str
    images: int = 0


_sent_decoder = msgspec.json.Decoder(Sent)


class EventLog:
    """Appends events to a file; a line is in the operating system's hands when `write` returns."""

    def __init__(self, path: Path, run_id: str) -> None:
        self._run_id = run_id
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, event: str, **values: EventValue) -> None:
        """Append one event. Raises OSError."""
        line = {"at": datetime.now(UTC), "run": self._run_id, "event": event} | values
        disk.append(self._descriptor, _encoder.encode(line) + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def sent_since(path: Path, moment: datetime) -> list[Sent]:
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
