"""What a function of the caller's own draws, and what such a function is: values and types of the public face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from batchgen.core.request import ImageRequest


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a function has drawn, where there is more to say than its images.

    Attributes:
        images: the files' bytes, one for each image; fewer than were asked for where it could not make all.
        cost_usd: what the call cost, in US dollars; None if that is not known.
        prompt: the prompt that was drawn, where it is another than was asked for.
        id: the id of the call where it was made.
    """

    images: Sequence[bytes] = field(repr=False)
    cost_usd: float | None = None
    prompt: str | None = None
    id: str | None = None


class Draw(Protocol):
    """A function that draws."""

    async def __call__(self, request: ImageRequest, /) -> bytes | Sequence[bytes] | Drawn:
        """Return the bytes of the image that is asked for, of several, or both with more. May raise ProviderError."""
