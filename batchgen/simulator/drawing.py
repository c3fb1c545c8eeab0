"""Draws the simulator's pictures: posters of hills, orbs, arches and ribbons, with the words set under the art.

A picture is a function of its `Sketch` alone: the same sketch gives the same bytes on the same
Pillow, so that a test can tell a repeated picture from a new one. The price is that pictures may
differ between releases of Pillow. Drawing takes some ten milliseconds of processor and touches no
shared state: call it from a worker thread.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from batchgen.simulator.brushes import smooth_mask
from batchgen.simulator.lettering import letter
from batchgen.simulator.motifs import MOTIFS, PALETTES
from batchgen.simulator.settings import ImageFormat

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels

# A quarter smaller than level 1, for three milliseconds more.
PNG_COMPRESS_LEVEL = 4
JPEG_QUALITY = 90
WEBP_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Sketch:
    """All that decides a picture: words to set, a name for its randomness, size in pixels, format, watermark."""

    words: str
    variant: str
    width: int
    height: int
    image_format: ImageFormat = ImageFormat.PNG
    watermark: bool = False


def draw(sketch: Sketch) -> bytes:
    """Draw the picture of a sketch and return it as a whole file."""
    # Not for secrets: a plain generator that a name can seed.
    chance = random.Random(sketch.variant)  # noqa: S311
    palette = chance.choice(PALETTES)
    motif = chance.choice(MOTIFS)
    page = Image.new("RGB", (sketch.width, sketch.height), palette.paper)
    art, caption = _lay_out(sketch.width, sketch.height)
    width, height = art[2] - art[0], art[3] - art[1]
    canvas = motif(width, height, palette, chance)
    page.paste(canvas, art[:2], _round_corners(width, height))
    mark = "SIMULATED  +  WATERMARK" if sketch.watermark else "SIMULATED"
    letter(page, caption, sketch.words, mark, palette.ink)
    return _encode(page, sketch.image_format)


def _lay_out(width: int, height: int) -> tuple[Box, Box]:
    """Places for the art and the caption: side by side on a wide page, else one above the other."""
    margin = round(min(width, height) * 0.05)
    if width > height * 1.2:
        split = round(width * 0.67)
        art = (width - split, margin, width - margin, height - margin)
        return art, (margin, margin, width - split - margin, height - margin)
    split = round(height * 0.74)
    return (margin, margin, width - margin, split), (margin, split + margin, width - margin, height - margin)


def _round_corners(width: int, height: int) -> Image.Image:
    radius = min(width, height) // 40

    def shape(pen: ImageDraw.ImageDraw, k: int) -> None:
        pen.rounded_rectangle((0, 0, width * k - 1, height * k - 1), radius=radius * k, fill=255)

    return smooth_mask(width, height, shape)


def _encode(page: Image.Image, image_format: ImageFormat) -> bytes:
    file = io.BytesIO()
    match image_format:
        case ImageFormat.PNG:
            page.save(file, "PNG", compress_level=PNG_COMPRESS_LEVEL)
        case ImageFormat.JPEG:
            page.save(file, "JPEG", quality=JPEG_QUALITY)
        case ImageFormat.WEBP:
            page.save(file, "WEBP", quality=WEBP_QUALITY, method=2)
    return file.getvalue()
