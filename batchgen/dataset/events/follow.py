"""Follows a run from its events alone, from another terminal or another machine that sees the folder.

What is read is added up; a line that is not readable, or not known, changes nothing.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from batchgen.dataset.events.events import (
    Answered,
    AnyEvent,
    Ended,
    Failed,
    Finished,
    Limits,
    Planned,
    Sent,
    Started,
    Stopping,
)
from batchgen.store import StoredFile

# The service's own unit of rates.
_RATE_WINDOW = timedelta(minutes=1)


@dataclass(slots=True)
class Following:
    """A run as its events tell it. total_images is 0 until the manifest has been read."""

    run_id: str = ""
    manifest: str = ""
    started_at: datetime | None = None
    planned: bool = False
    total_images: int = 0
    slots: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    retries: int = 0
    spent_usd: float = 0.0
    limit_per_minute: float = 0.0
    cooldown_until: datetime | None = None
    stopping: str = ""
    ended: bool = False
    _sent_at: deque[datetime] = field(default_factory=deque)

    def requests_per_minute(self, now: datetime) -> int:
        """How many attempts left within the last minute."""
        self._forget_before(now - _RATE_WINDOW)
        return len(self._sent_at)

    def seconds_left(self, now: datetime) -> float | None:
        """How long the rest takes at the rate so far; None while nothing is done yet, and when the run has ended."""
        done = self.slots.total()
        if not done or not self.total_images or self.started_at is None or self.ended:
            return None
        return (now - self.started_at).total_seconds() / done * max(0, self.total_images - done)

    def take(self, event: AnyEvent) -> None:
        """Add one event."""
        match event:
            case Planned():
                self.planned = True
                self.total_images = event.images
            case Sent():
                self.in_flight += 1
                self._sent_at.append(event.at)
                self._forget_before(event.at - _RATE_WINDOW)
            case Answered():
                self.in_flight -= 1
            case Failed():
                self.in_flight -= 1
                self.errors[event.error_kind] += 1
                self.retries += event.decision == "retry"
            case Finished():
                self.slots.update(event.statuses)
                self.spent_usd += event.cost_usd
            case Limits():
                self.limit_per_minute = event.limit_per_minute
                pause = timedelta(seconds=event.cooldown_s)
                self.cooldown_until = event.at + pause if event.cooldown_s > 0 else None
            case Stopping():
                self.stopping = event.message
            case Ended():
                self.ended = True

    def _forget_before(self, moment: datetime) -> None:
        while self._sent_at and self._sent_at[0] < moment:
            self._sent_at.popleft()


class Follower:
    """Reads an event log as it grows."""

    def __init__(self, file: StoredFile) -> None:
        self._file = file
        self._offset = 0
        self._decoder = msgspec.json.Decoder(AnyEvent)
        self.following = Following()

    def poll(self) -> Following:
        """Read what was written since; return the newest run as its events tell it so far."""
        try:
            with self._file.open() as log:
                if log.seek(0, os.SEEK_END) < self._offset:  # another log by the same name
                    self._offset = 0
                log.seek(self._offset)
                for line in log:
                    if not line.endswith(b"\n"):
                        break  # still being written
                    self._offset += len(line)
                    self._take(line)
        except FileNotFoundError:
            self._offset, self.following = 0, Following()
        return self.following

    def _take(self, line: bytes) -> None:
        try:
            event = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if event.at.tzinfo is None:
            event = msgspec.structs.replace(event, at=event.at.replace(tzinfo=UTC))
        if isinstance(event, Started):
            self.following = Following(event.run, event.manifest, event.at)
        elif event.run == self.following.run_id:
            self.following.take(event)
