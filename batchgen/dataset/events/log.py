"""events.jsonl: one line for every decision of a run, to be read afterwards or followed while it runs.

No image depends on the log, so it is not fsynced, and it may be deleted; in a bucket it gets its next object every few
seconds. Two things are read from it: how many requests earlier runs sent within the last minute, so that limits hold
over restarts, and when the first run of a dataset began, so that `batchgen reconcile` reads the bill from there. A full
disk costs events and not the run: `lost` counts them, and the run tells its user.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import BinaryIO, TypeVar

import msgspec

from batchgen.core.request import DEFAULT_PROVIDER
from batchgen.dataset.events.events import AnyEvent, Ended, Event, Planned
from batchgen.store import StoredFile

_encoder = msgspec.json.Encoder()

E = TypeVar("E", bound=Event)

# Ten thousand attempts and all that is said of them; a window of a minute holds no more.
_TAIL_BYTES = 16 * 1024 * 1024
# A line holds one message of at most a thousand characters.
_LINE_BYTES = 64 * 1024
# Where events do not outlive this process by themselves: what a kill may cost, and each time costs a request.
_SYNC_S = 5.0
# Read at a time by those who look for the last of something.
_BLOCK_BYTES = 1 << 20


class SentEvent(msgspec.Struct, frozen=True):
    """An attempt of an earlier run, as pacing needs it: when it left, and for how many images."""

    at: datetime
    event: str
    images: int = 0
    provider: str = DEFAULT_PROVIDER  # the only one of versions that did not name it


class _First(msgspec.Struct, frozen=True):
    run: str


_sent_decoder = msgspec.json.Decoder(SentEvent)


class EventLog:
    """Appends events to a file; a line is in the operating system's hands when `write` returns, or with `flush`.

    Belongs to one thread.

    Attributes:
        lost: how many events the disk did not take.
        failure: why it did not take the first of them; None while none is lost.
    """

    def __init__(self, file: StoredFile) -> None:
        self._log = file.open_log()
        self._torn = _ends_torn(file)
        self._noted: list[bytes] = []
        self.lost = 0
        self.failure: OSError | None = None
        self._ended = threading.Event()
        self._syncing: threading.Thread | None = None
        if not self._log.outlives_process:
            self._syncing = threading.Thread(target=self._sync_on, name="batchgen-events", daemon=True)
            self._syncing.start()

    def write(self, event: AnyEvent) -> None:
        """Append one event, if the disk takes it."""
        self.note(event)
        self.flush()

    def note(self, event: AnyEvent) -> None:
        """Keep one event for the next `write` or `flush`: many at once cost as much as one."""
        self._noted.append(_encoder.encode(event) + b"\n")

    def flush(self) -> None:
        """Append what was noted, if the disk takes it."""
        if not self._noted:
            return
        lines = b"".join(self._noted)
        try:
            self._log.append(b"\n" + lines if self._torn else lines)
            self._torn = False
        except OSError as error:
            self._torn = True
            self.lost += len(self._noted)
            self.failure = self.failure or error
        finally:
            self._noted.clear()

    def close(self) -> None:
        """Close the log."""
        self.flush()
        if self._syncing is not None:
            self._ended.set()
            self._syncing.join()
            self._sync()
        self._log.close()

    def _sync_on(self) -> None:
        while not self._ended.wait(_SYNC_S):
            self._sync()

    def _sync(self) -> None:
        try:
            self._log.sync()
        except OSError as error:
            self.failure = self.failure or error


def _ends_torn(file: StoredFile) -> bool:
    """Whether the one who wrote the last line died, or ran out of room, in the middle of it."""
    try:
        with file.open() as log:
            if log.seek(0, os.SEEK_END) == 0:
                return False
            log.seek(-1, os.SEEK_END)
            return log.read(1) != b"\n"
    except FileNotFoundError:
        return False


def first_run_id(file: StoredFile) -> str | None:
    """Return the id of the earliest run that a log tells of, None if it tells of none."""
    try:
        with file.open() as log:
            return msgspec.json.decode(log.readline(_LINE_BYTES), type=_First).run
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def sent_since(file: StoredFile, moment: datetime) -> list[SentEvent]:
    """Return the attempts that left after `moment`, as far as a log tells; whatever is not readable is passed over."""
    try:
        with file.open() as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = log.readlines()
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


def last_planned(file: StoredFile) -> Planned | None:
    """Return what the newest run whose manifest was read to its end was to do; None if no event tells."""
    return _last(file, Planned)


def last_ended(file: StoredFile) -> Ended | None:
    """Return the end of the newest run that was not cut off; None if no event tells."""
    return _last(file, Ended)


def _last(file: StoredFile, kind: type[E]) -> E | None:
    """The last event of a kind, looked for from the end of the file."""
    wanted = f'"event":"{kind.__name__.lower()}"'.encode()
    try:
        with file.open() as log:
            for lines in _backwards(log):
                at = lines.rfind(wanted)
                if at >= 0:
                    start, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
                    return msgspec.json.decode(lines[start:end], type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        pass
    return None


def _backwards(log: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a log from its end to its start, many at once, each line whole."""
    start = log.seek(0, os.SEEK_END)
    torn = b""  # the end of a line that begins before what was read
    while start:
        size = min(start, _BLOCK_BYTES)
        start = log.seek(start - size)
        text = log.read(size) + torn
        whole = text.find(b"\n") + 1 if start else 0
        torn = text[:whole] if whole else text
        if whole or not start:
            yield text[whole:]
