"""Which images of an answer the service itself calls unsafe: such an image is often black or blurred, and is no result.

It says so beside an image (`content_violation`), or for all of them in the answer (`has_nsfw_concepts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from batchgen.core.answer import Flagged, Image, Slot, Ticket
from batchgen.providers.answers.absence import decoded, items_of
from batchgen.providers.http.said import simple

# Names of flags that are true of what is unsafe. Less than what tells why there is no image: an answer with images may
# repeat what it was asked to filter.
_UNSAFE: Final = re.compile(r"nsfw|violation|flagged|unsafe|(blocked|filtered)$")
_SAFE: Final = frozenset({"isimagesafe", "issafe"})


def with_flags(slots: tuple[Slot, ...], body: bytes) -> tuple[Slot, ...]:
    """Return the slots of an answer, images that the service calls unsafe marked as such."""
    answer = decoded(body, max_bytes=len(body))
    if not isinstance(answer, Mapping):
        return slots
    items = items_of(answer)
    of_all = _flags(answer, len(slots))
    of_each = [_flags(item, 1) for item in items] if len(items) == len(slots) else [{}] * len(slots)
    return tuple(
        _with_flag(slot, of_all.get(number) or flags.get(0))
        for number, (slot, flags) in enumerate(zip(slots, of_each, strict=True))
    )


def _with_flag(slot: Slot, name: str | None) -> Slot:
    if name is None or not isinstance(slot.image, Image | Ticket):
        return slot
    return replace(slot, image=Flagged(f"the service's safety filter calls it unsafe ({name})", slot.image))


def _flags(told: object, images: int) -> Mapping[int, str]:
    """Which of so many images a table calls unsafe, by number, with the name of the key that does."""
    found: dict[int, str] = {}
    for key, value in told.items() if isinstance(told, Mapping) else ():
        name = simple(str(key))
        if name not in _SAFE and not _UNSAFE.search(name):
            continue
        each = value if isinstance(value, list) else [value] * images
        if len(each) == images:
            found |= {number: str(key) for number, flag in enumerate(each) if flag is (name not in _SAFE)}
    return found
