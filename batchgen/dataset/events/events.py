"""The events of a run, each declared once: what is written, read back, and described in docs/events.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from batchgen.core.request import DEFAULT_PROVIDER


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower):
    """What every line has: when it was decided (UTC), and the id of the run. The class's name is its `event`."""

    at: datetime
    run: str


class Started(Event, frozen=True, kw_only=True):
    """A run starts."""

    manifest: str
    model: str


class Planned(Event, frozen=True, kw_only=True):
    """The whole manifest has been read: what is to be sent, and how many rows are wrong."""

    rows: int
    requests: int
    images: int
    invalid_rows: int


class Checked(Event, frozen=True, kw_only=True):
    """The account was asked before anything is bought. Prices are those of an image, by model."""

    prices_usd: Mapping[str, float]
    remarks: Sequence[str]


class Limits(Event, frozen=True, kw_only=True):
    """The limits in force have changed."""

    limit_per_minute: float
    in_flight_limit: int
    cooldown_s: float


class Sent(Event, frozen=True, kw_only=True):
    """An attempt leaves, for so many images."""

    client_request_id: str
    provider: str = DEFAULT_PROVIDER  # versions that had no other did not name it
    row_id: str
    images: int


class Taken(Event, frozen=True, kw_only=True):
    """The service took an attempt as a job, which it keeps until `collect_until` or, if it is done later, longer."""

    client_request_id: str
    job_id: str
    collect_until: datetime


class Answered(Event, frozen=True, kw_only=True):
    """An attempt was answered with success, by so many images."""

    client_request_id: str
    images: int
    cost_usd: float | None
    inference_id: str | None


class Failed(Event, frozen=True, kw_only=True):
    """An attempt failed. Decisions: `retry`, `fail`, `stop`, `suspend`; a retry leaves after `after_s` seconds."""

    client_request_id: str
    error_kind: str
    message: str
    http_status: int | None
    decision: str
    after_s: float | None


class Finished(Event, frozen=True, kw_only=True):
    """A request has its outcome, and it is on disk: the status of each of its images, and what this run paid for it."""

    client_request_id: str
    row_id: str
    statuses: Sequence[str]
    cost_usd: float


class Repeated(Event, frozen=True, kw_only=True):
    """An image is, byte for byte, the one that another row (`like`) got for another prompt."""

    client_request_id: str
    row_id: str
    file_name: str | None
    like: str


class Incredible(Event, frozen=True, kw_only=True):
    """The service said a cost for an attempt that is beyond all sense: it is not believed, and counts as not said."""

    client_request_id: str
    row_id: str
    cost_usd: float


class Absent(Event, frozen=True, kw_only=True):
    """Images of earlier runs that the manifest asks for are not in the folder as they were saved; some of them."""

    images: int
    first: tuple[str, ...]


class Halted(Event, frozen=True, kw_only=True):
    """An account or a model is asked no more, its rows stay pending, and the run continues with the others; or nothing
    gets through to a service and the run waits, or need not wait any longer."""

    message: str


class Stopping(Event, frozen=True, kw_only=True):
    """The run stops early; so many attempts in flight are finished first."""

    message: str
    in_flight: int


class Ended(Event, frozen=True, kw_only=True):
    """The work is done after so many seconds; what is left is to merge the index and write the dataset view."""

    seconds: float


AnyEvent = (
    Started
    | Planned
    | Checked
    | Limits
    | Sent
    | Taken
    | Answered
    | Failed
    | Finished
    | Repeated
    | Incredible
    | Absent
    | Halted
    | Stopping
    | Ended
)
