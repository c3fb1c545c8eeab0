"""The answer to a request: its image slots, as they were received; or the job that is to bring them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Image:
    """A whole image as it came: untouched bytes, and what its header says."""

    data: bytes = field(repr=False)
    mime_type: str  # of the bytes, whatever the service called it
    extension: str  # png, jpg, webp, or that of a rarer format
    width: int  # pixels
    height: int  # pixels


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a paid image is collected with, free of charge.

    Attributes:
        url: where it is.
        problem: why it was not collected yet.
        data: bytes received from there that are no image, to be kept.
    """

    url: str
    problem: str | None = None
    data: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unusable:
    """An image of an answer that cannot be used, and why; `data` is what was received of it, to be kept."""

    reason: str
    data: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """A slot without an image: nothing was made for it, and nothing paid.

    Attributes:
        reason: why, in the service's words or in ours.
        blocked: whether a safety filter dropped it; None where nobody says.
    """

    reason: str
    blocked: bool | None = None


@dataclass(frozen=True, slots=True)
class Flagged:
    """An image that came, and that the service calls unsafe: often black or blurred. It is no result, and paid for.

    Attributes:
        reason: why, in the service's words.
        image: what came, to be kept, until it is.
    """

    reason: str
    image: Image | Ticket | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One image slot of an answer; `url` is where a fetched image came from."""

    image: Image | Ticket | Unusable | Missing | Flagged
    enhanced_prompt: str | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a successful call gave; it may have fewer slots than were asked for."""

    slots: tuple[Slot, ...]
    http_status: int
    cost_usd: float | None  # as the service's header said, None if it did not
    inference_id: str | None
    served_model: str | None = None  # the model that the answer names; a service may pass a request on to another

    @property
    def images(self) -> int:
        """How many images came, usable or not: what may have been charged."""
        return sum(not isinstance(slot.image, Missing) for slot in self.slots)


@dataclass(frozen=True, slots=True)
class JobTicket:
    """What a job that a service accepted is collected with, free of charge. It stands in the WAL and in the index.

    Attributes:
        id: the service's own id of the job.
        status_url: where to ask how far it is.
        result_url: where its result is; the same where one call tells both.
        collect_until: until when the service surely has it (UTC), should it be done at once. A service that says later
            that it still works on the job keeps it for longer.
        cost_usd: what the service said that the job costs, in US dollars; None if it did not say.
    """

    id: str
    status_url: str
    result_url: str
    collect_until: datetime
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service took a request as a job, works on it, and charges for it."""

    ticket: JobTicket
