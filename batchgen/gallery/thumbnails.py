"""Thumbnails: small WebP pictures under OUT/gallery/, named by the hash of the image they show.

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

from batchgen.dataset.layout import Layout
from batchgen.gallery.decoder import Decoder, Undecodable
from batchgen.gallery.slots import Slots
from batchgen.store.temporary import remove_leftovers, temporary_file

# The largest image that a run saves, 67 million pixels, takes 2 s in any format: a machine may be ten times as slow.
MOST_SECONDS = 20
# Decoding keeps a processor busy, and little else is done meanwhile.
_DECODERS = os.cpu_count() or 1
_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{14}\.webp")


@dataclass(frozen=True, slots=True)
class Source:
    """An image that wants a thumbnail."""

    file_name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image that cannot be shown, and why."""

    file_name: str
    reason: str


def thumbnail_name(sha256: str) -> str:
    """The path of a thumbnail below the gallery's folder, of which no folder grows beyond some hundred files."""
    return f"{sha256[:2]}/{sha256[2:16]}.webp"


def made_thumbnails(layout: Layout) -> set[str]:
    """Return the paths, below the gallery's folder, of what galleries have made so far. Raises OSError."""
    names = (f"{path.parent.name}/{path.name}" for path in layout.gallery.glob("*/*.webp"))
    return {name for name in names if _NAME.fullmatch(name)}


def missing_thumbnails(layout: Layout, slots: Slots) -> list[Source]:
    """Return the images that have no thumbnail yet. Raises OSError."""
    # An empty file is what a power cut leaves of one that was never fsynced: thumbnails are made again, not fsynced.
    there = {name for name in made_thumbnails(layout) if (layout.gallery / name).stat().st_size}
    missing: dict[str, Source] = {}
    saved = slots.saved
    for name, sha256 in zip(saved["file_name"].to_pylist(), saved["sha256"].to_pylist(), strict=True):
        if thumbnail_name(sha256) not in there:
            missing.setdefault(sha256, Source(name, sha256))
    return list(missing.values())


def remove_thumbnails(layout: Layout, made: set[str], slots: Slots) -> None:
    """Remove those of the thumbnails `made` that no slot shows any more.

    They have to be listed before the slots are read: then none can belong to an image that is newer than the slots.
    """
    shown = {thumbnail_name(sha256) for sha256 in slots.saved["sha256"].to_pylist()}
    for name in made - shown:
        with suppress(OSError):  # one that stays does no harm
            (layout.gallery / name).unlink()


def make_thumbnails(
    layout: Layout, sources: Iterable[Source], seconds: int = MOST_SECONDS
) -> Iterator[Unreadable | None]:
    """Make thumbnails in parallel; yield for each None, or why there is none, in the order in which they are ready.

    Each may take so many seconds of processor time. Raises OSError if the disk refuses.
    """
    remove_leftovers(layout.gallery.glob("*/.*.webp.*"))
    waiting = iter(sources)
    with ExitStack() as decoders, DefaultSelector() as busy:
        for source in islice(waiting, _DECODERS):
            decoder = decoders.enter_context(Decoder(seconds))
            decoder.ask(layout.root / source.file_name)
            busy.register(decoder, EVENT_READ, (decoder, source))
        while busy.get_map():
            for key, _ in busy.select():
                decoder, source = key.data
                busy.unregister(decoder)
                outcome = _take(decoder, layout, source)
                for following in islice(waiting, 1):
                    decoder.ask(layout.root / following.file_name)
                    busy.register(decoder, EVENT_READ, (decoder, following))
                yield outcome


def _take(decoder: Decoder, layout: Layout, source: Source) -> Unreadable | None:
    try:
        data = decoder.answer()
    except Undecodable as error:
        return Unreadable(source.file_name, str(error))
    final = layout.gallery / thumbnail_name(source.sha256)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Another process may make the same one: each writes a file of its own, and the last rename wins.
    with temporary_file(final) as (temporary, file):
        file.write(data)
        file.flush()
        temporary.replace(final)
    return None
