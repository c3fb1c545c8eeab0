"""A disk that takes no more of what cannot be read costs no image beside it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from support.noise import noise

from batchgen.core.answer import Answer, Slot, Ticket, Unusable
from batchgen.core.errors import DiskError, ProviderError
from batchgen.core.image_header import recognise
from batchgen.core.outcomes import ErrorKind
from batchgen.engine.unreadable import keep_body, keep_slots


class Full:
    async def keep_unreadable(self, name: str, data: bytes) -> str | None:
        raise DiskError("No space left on device")


class Roomy:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def keep_unreadable(self, name: str, data: bytes) -> str | None:
        self.kept[name] = data
        return name


FULL = cast("Any", Full())
SPOILT = Slot(Unusable("no image", b"bytes"), None)


async def test_images_beside_what_cannot_be_kept_go_on_to_be_saved() -> None:
    answer = Answer((SPOILT, Slot(recognise(noise()), None)), 200, None, None)
    assert await keep_slots(FULL, "a", answer) == answer


async def test_where_nothing_else_came_a_full_disk_is_told() -> None:
    with pytest.raises(DiskError):
        await keep_slots(FULL, "a", Answer((SPOILT,), 200, None, None))
    with pytest.raises(DiskError):
        await keep_body(FULL, "a", ProviderError(ErrorKind.BAD_ANSWER, "no JSON", body=b"bytes"))


async def test_each_slot_has_a_name_and_each_reason_says_it() -> None:
    roomy = Roomy()
    link = Slot(Ticket("https://cdn/1.png", "no image", b"page"), None)
    answer = await keep_slots(cast("Any", roomy), "a", Answer((SPOILT, link, SPOILT), 200, None, None))
    assert roomy.kept == {"a-0": b"bytes", "a-1": b"page", "a-2": b"bytes"}
    assert [slot.image for slot in answer.slots] == [
        Unusable("no image; its bytes are in a-0"),
        Ticket("https://cdn/1.png", "no image; its bytes are in a-1"),
        Unusable("no image; its bytes are in a-2"),
    ]


async def test_an_error_says_where_its_body_is_and_keeps_all_else() -> None:
    error = ProviderError(
        ErrorKind.BAD_ANSWER, "no JSON", http_status=200, retry_after_s=2.0, cost_usd=0.1, inference_id="i", body=b"x"
    )
    kept = await keep_body(cast("Any", Roomy()), "a", error)
    assert kept.message == "no JSON; its bytes are in a"
    assert (kept.kind, kept.http_status, kept.retry_after_s, kept.cost_usd, kept.inference_id, kept.body) == (
        *(error.kind, 200, 2.0, 0.1, "i"),
        b"",
    )
