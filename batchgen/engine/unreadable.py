"""Keeps an answer that could not be read before anything is decided about it, above all before it is bought again."""

from __future__ import annotations

from dataclasses import replace

from batchgen.core.answer import Answer, Flagged, Image, Slot, Ticket, Unusable
from batchgen.core.errors import DiskError, ProviderError
from batchgen.engine.protocols import Sink


async def keep_body(sink: Sink, attempt_id: str, error: ProviderError) -> ProviderError:
    """Keep what an error holds; return the error, which says where it is, and holds it no more. Raises DiskError."""
    if not error.body:
        return error
    return error.but(await _kept(sink, attempt_id, error.message, error.body), body=b"")


async def keep_slots(sink: Sink, attempt_id: str, answer: Answer) -> Answer:
    """Keep what was received instead of images; return the answer, whose slots say where it is.

    Raises DiskError, but for an answer that holds images too: they come first, and saving them will say the same.
    """
    try:
        slots = [await _kept_slot(sink, f"{attempt_id}-{number}", slot) for number, slot in enumerate(answer.slots)]
    except DiskError:
        if any(isinstance(slot.image, Image | Ticket) for slot in answer.slots):
            return answer
        raise
    return replace(answer, slots=tuple(slots))


async def _kept_slot(sink: Sink, name: str, slot: Slot) -> Slot:
    match slot.image:
        case Unusable(reason, data) if data:
            return replace(slot, image=Unusable(await _kept(sink, name, reason, data)))
        case Flagged(reason, Image() as image):
            return replace(slot, image=Flagged(await _kept(sink, name, reason, image.data)))
        case Ticket(url, problem, data) if data:
            return replace(slot, image=Ticket(url, await _kept(sink, name, problem or "no image", data)))
    return slot


async def _kept(sink: Sink, name: str, reason: str, data: bytes) -> str:
    place = await sink.keep_unreadable(name, data)
    return f"{reason}; its bytes are in {place}" if place else f"{reason}; of such answers enough are kept"
