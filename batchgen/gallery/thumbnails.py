"""Thumbnails: small WebP images under OUT/gallery/, named by the hash of the image they show.

A thumbnail that is there is right for ever, since an image with other bytes has another name; so
only new images cost time, and equal images share one. Images are bytes from outside: their format and size are checked
before they are decoded, and the time for decoding is bounded. One that cannot be shown is reported and skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import TYPE_CHECKING

from batchgen.dataset.layout import THUMBNAILS, Layout
from batchgen.gallery.decoder import Decoder, Undecodable
from batchgen.store import Entry

if TYPE_CHECKING:
    from batchgen.gallery.slots import Slots  # would take pyarrow along into the process that works beside a run

# The largest image that a run saves, 67 million pixels, takes 2 s in any format: a machine may be ten times as slow.
MOST_SECONDS = 20
# Decoding keeps a processor busy, and little else is done meanwhile.
_DECODERS = os.cpu_count() or 1
# Nothing here decodes them: the page shows the image itself, as far as the browser can, and runs no script of it.
SHOWN_AS_THEY_ARE = frozenset({"image/svg+xml", "image/heic", "image/heif"})
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


def originals(slots: Slots) -> list[Original]:
    """Return the images that want a thumbnail, each once."""
    saved, found = slots.saved, dict[str, Original]()
    columns = (saved[name].to_pylist() for name in ("file_name", "sha256", "mime_type"))
    for name, sha256, mime_type in zip(*columns, strict=True):
        if mime_type not in SHOWN_AS_THEY_ARE:
            found.setdefault(sha256, Original(name, sha256))
    return list(found.values())


def missing_thumbnails(layout: Layout, slots: Slots) -> list[Original]:
    """Return the images that have no thumbnail yet. Raises OSError."""
    # Earlier versions did not fsync thumbnails: an empty file is what a power cut left of one.
    there = {entry.name for entry in _made(layout) if entry.size_bytes}
    return [source for source in originals(slots) if thumbnail_name(source.sha256) not in there]


def remove_thumbnails(layout: Layout, made: set[str], slots: Slots) -> None:
    """Remove those of the thumbnails `made` that no slot shows any more.

    They have to be listed before the slots are read: then none can belong to an image that is newer than the slots.
    """
    shown = {thumbnail_name(sha256) for sha256 in slots.saved["sha256"].to_pylist()}
    for name in made - shown:
        with suppress(OSError):  # one that stays does no harm
            layout.store.remove(name)


@contextmanager
def decoders(number: int = _DECODERS, seconds: int = MOST_SECONDS) -> Iterator[list[Decoder]]:
    """Yield so many decoders, which grant each image so many seconds of processor time."""
    with ExitStack() as opened:
        yield [opened.enter_context(Decoder(seconds)) for _ in range(number)]


def make_thumbnails(
    layout: Layout, sources: Iterable[Original], seconds: int = MOST_SECONDS, within_s: float | None = None
) -> Iterator[Unreadable | None]:
    """Make thumbnails in parallel; yield for each None, or why there is none, in the order in which they are ready.

    Each may take so many seconds of processor time. Ends when all are made, or `within_s` seconds are over. Raises
    OSError if the disk refuses.
    """
    layout.store.remove_leftovers(THUMBNAILS)
    with decoders(seconds=seconds) as workers:
        yield from make_with(workers, layout, sources, within_s)


def make_with(
    workers: Sequence[Decoder], layout: Layout, sources: Iterable[Original], within_s: float | None = None
) -> Iterator[Unreadable | None]:
    """Do so with decoders that are there, none of them busy."""
    waiting = iter(sources)
    ends_at = None if within_s is None else monotonic() + within_s
    with DefaultSelector() as busy:

        def begin(decoder: Decoder) -> None:
            for source in islice(waiting, 1):
                held = ExitStack()
                decoder.ask(held.enter_context(layout.store.as_path(source.file_name)))
                busy.register(decoder, EVENT_READ, (decoder, source, held))

        for decoder in workers:
            begin(decoder)
        while busy.get_map():
            left_s = None if ends_at is None else ends_at - monotonic()
            if left_s is not None and left_s <= 0:
                return
            ready: list[tuple[str, bytes]] = []
            for key, _ in busy.select(left_s):
                decoder, source, held = key.data
                busy.unregister(decoder)
                try:
                    with held:
                        ready.append((thumbnail_name(source.sha256), decoder.answer()))
                except Undecodable as error:
                    yield Unreadable(source.file_name, str(error))
                begin(decoder)
            layout.store.put_many(ready)  # another process may make the same ones: the last to finish wins
            yield from [None] * len(ready)


def _made(layout: Layout) -> Iterator[Entry]:
    return (entry for entry in layout.store.list(THUMBNAILS) if _NAME.fullmatch(entry.name))
