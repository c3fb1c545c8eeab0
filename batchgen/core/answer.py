"""The answer to a request: its image slots, as they were received."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Image:
    """A whole image as it came: untouched bytes, and what its header says."""

    data: bytes = field(repr=False)
    mime_type: str  # of the bytes, whatever the service called it
    extension: str  # png, jpg or webp
    width: int  # pixels
    height: int  # pixels


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a paid image is collected with, free of charge; `problem` says why it was not collected yet."""

    url: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """An image of an answer that cannot be used, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One image slot of an answer; `url` is where a fetched image came from."""

    image: Image | Ticket | Unusable
    enhanced_prompt: str | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a successful call gave. Fewer images than asked for means that the rest was blocked."""

    slots: tuple[Slot, ...]
    http_status: int
    cost_usd: float | None  # as the service's header said, None if it did not
    inference_id: str | None
