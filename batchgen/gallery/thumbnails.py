"""Thumbnails: small WebP images under OUT/gallery/, named by the hash of the image they show.

A thumbnail that is there is right for ever, since an image with other bytes has another name; so
only new images cost time, and equal images share one. Images are bytes from outside: their format and size are checked
before they are decoded, and the time for decoding is bounded. One that cannot be shown is reported and skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from selectors import EVENT_READ, DefaultSelector

from batchgen.dataset.layout import THUMBNAILS, Layout
from batchgen.gallery.decoder import Decoder, Undecodable
from batchgen.gallery.slots import Slots
from batchgen.store import Entry

# The largest image that a run saves, 67 million pixels, takes 2 s in any format: a machine may be ten times as slow.
MOST_SECONDS = 20
# Decoding keeps a processor busy, and little else is done meanwhile.
_DECODERS = os.cpu_count() or 1
# Nothing here decodes them: the page shows the image itself, as far as the browser can, and runs no script of it.
_SHOWN_AS_THEY_ARE = frozenset({"image/svg+xml", "image/heic", "image/heif"})
_NAME = re.compile(r"gallery/[0-9a-f]{2}/[0-9a-f]{14}\.webp")


@dataclass(frozen=True, slots=True)
class Original:
    """An image that wants a thumbnail."""

    file_name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image that cannot be shown, and why."""

    file_name: str
    reason: str


def thumbnail_name(sha256: str) -> str:
    """Return the name of a thumbnail; no folder of them grows beyond some hundred files."""
    return f"{THUMBNAILS}{sha256[:2]}/{sha256[2:16]}.webp"


def made_thumbnails(layout: Layout) -> set[str]:
    """Return the names of the thumbnails there are. Raises OSError."""
    return {entry.name for entry in _made(layout)}


def missing_thumbnails(layout: Layout, slots: Slots) -> list[Original]:
    """Return the images that have no thumbnail yet. Raises OSError."""
    # Earlier versions did not fsync thumbnails: an empty file is what a power cut left of one.
    there = {entry.name for entry in _made(layout) if entry.size_bytes}
    missing: dict[str, Original] = {}
    saved = slots.saved
    columns = (saved[name].to_pylist() for name in ("file_name", "sha256", "mime_type"))
    for name, sha256, mime_type in zip(*columns, strict=True):
        if thumbnail_name(sha256) not in there and mime_type not in _SHOWN_AS_THEY_ARE:
            missing.setdefault(sha256, Original(name, sha256))
    return list(missing.values())


def remove_thumbnails(layout: Layout, made: set[str], slots: Slots) -> None:
    """Remove those of the thumbnails `made` that no slot shows any more.

    They have to be listed before the slots are read: then none can belong to an image that is newer than the slots.
    """
    shown = {thumbnail_name(sha256) for sha256 in slots.saved["sha256"].to_pylist()}
    for name in made - shown:
        with suppress(OSError):  # one that stays does no harm
            layout.store.remove(name)


def make_thumbnails(
    layout: Layout, sources: Iterable[Original], seconds: int = MOST_SECONDS
) -> Iterator[Unreadable | None]:
    """Make thumbnails in parallel; yield for each None, or why there is none, in the order in which they are ready.

    Each may take so many seconds of processor time. Raises OSError if the disk refuses.
    """
    layout.store.remove_leftovers(THUMBNAILS)
    waiting = iter(sources)
    with ExitStack() as decoders, DefaultSelector() as busy:
        for source in islice(waiting, _DECODERS):
            decoder = decoders.enter_context(Decoder(seconds))
            decoder.ask(layout.store.path(source.file_name))
            busy.register(decoder, EVENT_READ, (decoder, source))
        while busy.get_map():
            ready: list[tuple[str, bytes]] = []
            for key, _ in busy.select():
                decoder, source = key.data
                busy.unregister(decoder)
                try:
                    ready.append((thumbnail_name(source.sha256), decoder.answer()))
                except Undecodable as error:
                    yield Unreadable(source.file_name, str(error))
                for following in islice(waiting, 1):
                    decoder.ask(layout.store.path(following.file_name))
                    busy.register(decoder, EVENT_READ, (decoder, following))
            layout.store.put_many(ready)  # another process may make the same ones: the last to finish wins
            yield from [None] * len(ready)


def _made(layout: Layout) -> Iterator[Entry]:
    return (entry for entry in layout.store.list(THUMBNAILS) if _NAME.fullmatch(entry.name))
