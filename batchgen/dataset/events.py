"""events.jsonl: one line for every decision of a run, to be read afterwards or followed while it runs.

A line is a JSON object with `at` (UTC), `run` and `event`, and what belongs to that event. The log
informs; nothing resumes from it, so it is not fsynced, and it may be deleted.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from batchgen.dataset import disk

_encoder = msgspec.json.Encoder()

EventValue = str | int | float | bool | None


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
