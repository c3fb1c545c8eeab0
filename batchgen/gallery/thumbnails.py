"""Thumbnails: small WebP pictures under OUT/gallery/, named by the hash of the image they show.

A thumbnail that is there is right for ever, since an image with other bytes has another name; so
only new images cost time, and equal images share one. Images are bytes from outside: their format
and size are checked before they are decoded, and one that cannot be shown is reported and skipped.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image

from batchgen.dataset.layout import Layout
from batchgen.gallery.slots import Slots
from batchgen.gallery.temporary import remove_leftovers, temporary_file

# The page lays pictures out by height: this one is sharp at its usual sizes on an ordinary screen. 5 to 15 kB each.
HEIGHT_PIXELS = 256
# A panorama is no wider than the page's widest tile.
_MOST_WIDTH_PIXELS = 3 * HEIGHT_PIXELS
# Visually clean at this size; 90 would be half as large again.
_QUALITY = 80
# A 2K image has 4 million; what claims more than 64 million is a mistake or an attack.
_MOST_PIXELS = 64_000_000
# Pillow lets other threads run while it decodes, scales and encodes: one a core was as fast as processes (43 images a
# second of 1.8 MB on two cores, 36 with one thread), without their start.
_THREADS = os.cpu_count() or 1
# Images handed out at a time: Ctrl-C waits for no more than these, and no core waits for another for long.
_WINDOW_IMAGES = 64

_FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow raises for damaged files, beside its own errors, which are OSErrors.
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


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


def missing_thumbnails(layout: Layout, slots: Slots) -> list[Source]:
    """Return the images that have no thumbnail yet. Raises OSError."""
    # An empty file is what a power cut leaves of one that was never fsynced: thumbnails are made again, not fsynced.
    there = {path.name + path.parent.name for path in layout.gallery.glob("*/*.webp") if path.stat().st_size}
    missing: dict[str, Source] = {}
    saved = slots.saved
    for name, sha256 in zip(saved["file_name"].to_pylist(), saved["sha256"].to_pylist(), strict=True):
        if f"{sha256[2:16]}.webp{sha256[:2]}" not in there:
            missing.setdefault(sha256, Source(name, sha256))
    return list(missing.values())


def make_thumbnails(layout: Layout, sources: Iterable[Source]) -> Iterator[Unreadable | None]:
    """Make thumbnails in parallel; yield for each None, or why there is none. Raises OSError if the disk refuses."""
    remove_leftovers(layout.gallery.glob("*/.*.webp.*"))
    waiting = iter(sources)
    pool = ThreadPoolExecutor(_THREADS, "batchgen-thumbnail")
    try:
        while window := list(islice(waiting, _WINDOW_IMAGES)):
            yield from pool.map(lambda source: _make(layout, source), window)
    finally:
        pool.shutdown(cancel_futures=True)


def shrink(path: Path) -> bytes:
    """Return an image as a small WebP. Raises one of `_UNREADABLE`."""
    with Image.open(path, formats=_FORMATS) as image:
        width, height = image.size
        if width * height > _MOST_PIXELS:
            raise ValueError(f"{width} x {height} pixels are more than {_MOST_PIXELS:,}")
        bounds = (_MOST_WIDTH_PIXELS, HEIGHT_PIXELS)
        image.draft("RGB", (2 * bounds[0], 2 * bounds[1]))  # a JPEG is decoded at a fraction of its size
        small = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA" if _has_alpha(image) else "RGB")
        small.thumbnail(bounds, Image.Resampling.LANCZOS, reducing_gap=2.0)
        encoded = io.BytesIO()
        small.save(encoded, "WEBP", quality=_QUALITY)
        return encoded.getvalue()


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info


def _make(layout: Layout, source: Source) -> Unreadable | None:
    try:
        data = shrink(layout.root / source.file_name)
    except _UNREADABLE as error:
        return Unreadable(source.file_name, str(error) or type(error).__name__)
    final = layout.gallery / thumbnail_name(source.sha256)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Another process may make the same one: each writes a file of its own, and the last rename wins.
    with temporary_file(final) as (temporary, file):
        file.write(data)
        file.flush()
        temporary.replace(final)
    return None
