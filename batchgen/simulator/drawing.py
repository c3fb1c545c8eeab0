"""Draws the simulator's images: posters of hills, orbs, quilts and ribbons, with the prompt set beside the art.

An image is a function of its `Sketch` alone: the same sketch gives the same bytes on the same Pillow,
so that a test can tell a repeated image from a new one. The price is that images may differ between
releases of Pillow. The font is the one that Pillow carries; letters that it lacks are left out. Drawing
takes some ten milliseconds of processor time and touches no shared state: call it from a worker thread.
"""

from __future__ import annotations

import io
import math
import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from PIL import Image, ImageColor, ImageDraw, ImageFont

from batchgen.simulator.settings import ImageFormat

RGB = tuple[int, ...]  # red, green, blue from 0 to 255
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
Curve = Callable[[float], float]  # a height in pixels for every x in pixels

SCALE = 2  # shapes are drawn this much larger and then shrunk: Pillow draws hard edges, shrinking softens them
CURVE_PIECES = 96  # straight pieces in a curve across the page: enough to look round

# From a headline for three words down to the smallest that still reads well at full size, in pixels.
TYPE_SIZES_PX = (64, 56, 48, 42, 36, 32, 28, 25, 22, 20)
LINE_SPACING = 1.22
MARK_SIZE_PX = 20
MARK_TRACKING_PX = 3
# A prompt may be far longer than a page. Twenty letters fit any line in the smallest type.
LONGEST_TEXT = 600
WORD = re.compile(r"\S{1,20}")
# Pillow ignores the option that a format does not have. A PNG of level 4 is a quarter smaller than one of level 1.
PNG_COMPRESS_LEVEL = 4
QUALITY = 90


@dataclass(frozen=True, slots=True)
class Sketch:
    """All that decides an image: words to set, a name for its randomness, size in pixels, format, watermark."""

    words: str
    variant: str
    width: int
    height: int
    image_format: ImageFormat = ImageFormat.PNG
    watermark: bool = False


class Palette(NamedTuple):
    """Paper and ink for the caption, and the art's colours from the sky down to the foreground."""

    paper: RGB
    ink: RGB
    colours: tuple[RGB, ...]


def draw(sketch: Sketch) -> bytes:
    """Draw the image of a sketch and return it as a whole file."""
    chance = random.Random(sketch.variant)  # noqa: S311  (not for secrets: the same variant, the same image)
    paper, ink, *colours = map(ImageColor.getrgb, chance.choice(PALETTES).split())
    palette = Palette(paper, ink, tuple(colours))
    motif = chance.choice(MOTIFS)
    page = Image.new("RGB", (sketch.width, sketch.height), palette.paper)
    art, caption = _lay_out(sketch.width, sketch.height)
    width, height = art[2] - art[0], art[3] - art[1]
    corners = (0, 0, width * SCALE - 1, height * SCALE - 1)
    radius = min(width, height) // 40 * SCALE
    mask = _mask(width, height, lambda pen: pen.rounded_rectangle(corners, radius, fill=255))
    page.paste(motif(width, height, palette, chance), art[:2], mask)
    mark = "SIMULATED  +  WATERMARK" if sketch.watermark else "SIMULATED"
    _letter(page, caption, sketch.words, mark, palette.ink)
    file = io.BytesIO()
    page.save(file, sketch.image_format.upper(), compress_level=PNG_COMPRESS_LEVEL, quality=QUALITY)
    return file.getvalue()


def _lay_out(width: int, height: int) -> tuple[Box, Box]:
    """Places for the art and the caption: side by side on a wide page, else one above the other."""
    margin = round(min(width, height) * 0.05)
    if width > height * 1.2:
        split = width - round(width * 0.67)
        return (split, margin, width - margin, height - margin), (margin, margin, split - margin, height - margin)
    split = round(height * 0.74)
    return (margin, margin, width - margin, split), (margin, split + margin, width - margin, height - margin)


def _draw_hills(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """A sky, a sun, and ranges of hills that darken towards the viewer."""
    sky, glow, *ranges = palette.colours
    canvas = _gradient(width, height, sky, _mix(sky, glow, 0.5), glow)
    radius = round(min(width, height) * chance.uniform(0.13, 0.2))
    sun = round(width * chance.uniform(0.25, 0.75)), round(height * chance.uniform(0.28, 0.45))
    for growth, alpha in ((2.1, 26), (1.5, 44), (1.0, 235)):
        _circle(canvas, sun, round(radius * growth), palette.paper, fill=alpha)
    for nearness in (0, 0.25, 0.5, 0.75, 1):
        place = nearness * (len(ranges) - 1)
        index = min(int(place), len(ranges) - 2)
        colour = _mix(ranges[index], ranges[index + 1], place - index)
        ridge = _wave(chance, height * 0.075, 0.7, 1.6, 3.1)
        base = height * (0.5 + 0.4 * nearness)
        _fill_below(canvas, base, colour, _mix(colour, glow, 0.34 * (1 - nearness)), ridge)
    return canvas


def _draw_orbs(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """Large translucent discs, every other one with a ring, over four colours that flow into each other."""
    mesh = Image.new("RGB", (2, 2))
    mesh.putdata([_mix(corner, palette.paper, 0.3) for corner in chance.sample(palette.colours, 4)])
    canvas = mesh.resize((width, height), Image.Resampling.BICUBIC)
    short = min(width, height)
    for number in range(7):
        colour = palette.colours[(number * 2 + 1) % len(palette.colours)]
        radius = round(short * chance.uniform(0.12, 0.34) * (1 - number * 0.06))
        centre = round(width * chance.uniform(0.08, 0.92)), round(height * chance.uniform(0.08, 0.92))
        _circle(canvas, centre, radius, colour, fill=chance.randint(110, 190))
        if number % 2:
            line = SCALE * max(2, short // 240)
            _circle(canvas, centre, round(radius * 1.12), palette.paper, outline=200, width=line)
    moon = round(width * chance.uniform(0.3, 0.7)), round(height * chance.uniform(0.3, 0.7))
    _circle(canvas, moon, round(short * 0.09), palette.paper, fill=240)
    return canvas


def _draw_quilt(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """Tiles of two colours each, with a disc, a quarter circle or quarter rings."""
    side = min(width, height) // chance.choice((3, 4))
    columns, rows = max(1, round(width / side)), max(1, round(height / side))
    canvas = Image.new("RGB", (width, height))
    last_ground: RGB | None = None
    for row in range(rows):
        for column in range(columns):
            left, top = column * width // columns, row * height // rows
            right, bottom = (column + 1) * width // columns, (row + 1) * height // rows
            ground, figure = chance.sample([*palette.colours, palette.paper], 2)
            if ground == last_ground:
                ground, figure = figure, ground
            last_ground = ground
            canvas.paste(ground, (left, top, right, bottom))
            canvas.paste(figure, (left, top), _tile_mask(right - left, bottom - top, chance))
    return canvas


def _draw_ribbons(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """Bands that flow across the page, each over the one before."""
    first, *others = palette.colours
    canvas = _gradient(width, height, first, _mix(first, palette.paper, 0.45))
    flow = _wave(chance, height * 0.16, 0.6, 1.1)
    for band in range(8):
        colour = others[band % len(others)]
        own = _wave(chance, height * 0.035, 1.3, 2.2)
        base = height * (0.2 + 0.78 * band / 7)
        _fill_below(canvas, base, colour, _mix(colour, palette.paper, 0.25), flow, own)
    return canvas


def _tile_mask(width: int, height: int, chance: random.Random) -> Image.Image:
    """The figure of a quilt's tile, turned any way."""
    turn, rings = chance.randrange(4), chance.choice((0, 1, 4, 2))  # no ring: a disc; one: a quarter circle

    def shape(pen: ImageDraw.ImageDraw) -> None:
        w, h = width * SCALE, height * SCALE
        left, top = (-w if turn in (0, 3) else 0), (-h if turn in (0, 1) else 0)
        if rings == 0:
            pen.ellipse((w * 0.14, h * 0.14, w * 0.86, h * 0.86), fill=255)
        for ring in range(rings):
            x, y = w * ring / rings, h * ring / rings
            pen.ellipse((left + x, top + y, left + 2 * w - x, top + 2 * h - y), fill=0 if ring % 2 else 255)

    return _mask(width, height, shape)


def _circle(canvas: Image.Image, centre: tuple[int, int], radius: int, colour: RGB, **style: int) -> None:
    """A circle whose opacity, from 0 to 255, is the `fill` or `outline` of its style."""
    end = 2 * radius * SCALE - 1
    mask = _mask(2 * radius, 2 * radius, lambda pen: pen.ellipse((0, 0, end, end), **style))
    canvas.paste(colour, (centre[0] - radius, centre[1] - radius), mask)


def _fill_below(canvas: Image.Image, base: float, top: RGB, bottom: RGB, *curves: Curve) -> None:
    """Fill everything under an edge, the base line plus some curves, with a gradient."""
    width, height = canvas.size
    steps = [width * step / CURVE_PIECES for step in range(CURVE_PIECES + 1)]
    line = [(x, base + sum(curve(x) for curve in curves)) for x in steps]
    first = max(0, math.floor(min(y for _, y in line)))
    if first >= height:
        return
    outline = [(0, height), *line, (width, height)]
    area = [(x * SCALE, (y - first) * SCALE) for x, y in outline]
    mask = _mask(width, height - first, lambda pen: pen.polygon(area, fill=255))
    canvas.paste(_gradient(width, height - first, top, bottom), (0, first), mask)


def _mask(width: int, height: int, shape: Callable[[ImageDraw.ImageDraw], None]) -> Image.Image:
    """A mask with soft edges; `shape` draws it at SCALE times its size."""
    large = Image.new("L", (width * SCALE, height * SCALE), 0)
    shape(ImageDraw.Draw(large))
    return large.reduce(SCALE)


def _gradient(width: int, height: int, *stops: RGB) -> Image.Image:
    """A gradient through some colours from top to bottom."""
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(stops)
    return column.resize((1, height), Image.Resampling.BICUBIC).resize((width, height), Image.Resampling.NEAREST)


def _wave(chance: random.Random, amplitude: float, *periods: float) -> Curve:
    """A calm curve around 0: a few sine waves, the faster the lower; periods to 1000 pixels."""
    waves = [(amplitude / (1 + order), period, chance.uniform(0, math.tau)) for order, period in enumerate(periods)]
    return lambda x: sum(size * math.sin(math.tau * period * x / 1000 + phase) for size, period, phase in waves)


def _mix(one: RGB, other: RGB, share: float) -> RGB:
    """One colour with a share, from 0 to 1, of another."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def _letter(page: Image.Image, box: Box, words: str, mark: str, ink: RGB) -> None:
    """Set the words at the top of a box, as large as they fit, and the mark at its bottom."""
    pen = ImageDraw.Draw(page)
    left, top, right, bottom = box
    mark_top = bottom - MARK_SIZE_PX
    size, lines = _fit(_legible(words), right - left, mark_top - MARK_SIZE_PX - top)
    for number, line in enumerate(lines):
        pen.text((left, top + number * size * LINE_SPACING), line, font=_font(size), fill=ink)
    pen.rectangle((left, mark_top + 3, left + 12, mark_top + 15), fill=ink)
    x = float(left + 25)
    for character in mark:
        pen.text((x, mark_top - 2), character, font=_font(MARK_SIZE_PX), fill=ink)
        x += _font(MARK_SIZE_PX).getlength(character) + MARK_TRACKING_PX


def _fit(words: list[str], width: int, height: int) -> tuple[int, list[str]]:
    """The largest type in which the words fit, and their lines; in the smallest, as many lines as there is room for."""
    for size in TYPE_SIZES_PX:
        lines = [""]
        for word in words:
            longer = f"{lines[-1]} {word}".lstrip()
            if _font(size).getlength(longer) > width and lines[-1]:
                lines.append(word)
            else:
                lines[-1] = longer
        room = max(1, int(height / (size * LINE_SPACING)))
        if len(lines) <= room and all(_font(size).getlength(line) <= width for line in lines):
            break
    if len(lines) > room:
        lines[room - 1 :] = [lines[room - 1].rstrip(" .,;") + " ..."]
    return size, lines


def _legible(words: str) -> list[str]:
    """The words in letters that the font has: unknown accents and scripts are left out, long words are broken."""
    plain = unicodedata.normalize("NFC", words[:LONGEST_TEXT])
    bare = (character if _has(character) else unicodedata.normalize("NFKD", character)[:1] for character in plain)
    text = "".join(character if _has(character) else " " for character in bare)
    return WORD.findall(text) or ["untitled"]


@lru_cache(maxsize=4096)
def _has(character: str) -> bool:
    # A font draws a box for every letter that it lacks, and U+FFFF is one.
    return character.isprintable() and _glyph(character) != _glyph("\uffff")


def _glyph(character: str) -> tuple[tuple[int, int], bytes]:
    mask = _font(TYPE_SIZES_PX[-1]).getmask(character)
    return mask.size, bytes(mask)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType: it has no scalable font to letter images with")
    return font


MOTIFS = (_draw_hills, _draw_orbs, _draw_quilt, _draw_ribbons)

PALETTES = (
    "#f7f0e4 #2b2d42 #f6c89f #f9a26c #e76f51 #8d4b6b #2f3061",
    "#eef3f1 #16302b #cfe8e0 #f4d58d #74a892 #2f6f6a #12403f",
    "#fbf3ee #3a1d3f #ffd6c4 #ff9a8b #d9587b #7b3f7d #33224f",
    "#eff4fa #14213d #cfe3f7 #fcd29f #6fa3cf #33628f #14304f",
    "#f8f4e3 #283618 #f3e3b3 #e9b872 #a3a847 #5f7136 #2c3b1d",
    "#f5eff7 #2d1e4a #dccbf2 #ffc3a8 #9f86d9 #5d4aa3 #2a2159",
    "#fdf6ec #3b2417 #ffe0b0 #ffb454 #ef7b45 #b2432f #4c1f2b",
    "#edf6f7 #0b2e3c #bfe6e3 #ffcb9a #38a3a5 #22577a #0d2f4b",
    "#f6f3f0 #26282c #dcd6cf #f0b89a #a9a29a #66747c #2d3a43",
    "#fff4f1 #22333b #fbd3cb #f7b267 #f4845f #5b8e7d #2a4d4e",
)
