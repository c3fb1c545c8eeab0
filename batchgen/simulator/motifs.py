"""The four motifs of the simulator's pictures and the palettes they are painted in."""

from __future__ import annotations

import random
from typing import NamedTuple

from PIL import Image, ImageColor, ImageDraw

from batchgen.simulator.brushes import (
    RGB,
    blend_vertically,
    mix,
    paint_below,
    paint_disc,
    paint_ring,
    smooth_mask,
    wander,
)


class Palette(NamedTuple):
    """Paper and ink for the caption, and the art's colours from the sky down to the foreground."""

    paper: RGB
    ink: RGB
    colours: tuple[RGB, ...]


def _paint_hills(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """A sky, a sun, and ranges of hills that darken towards the viewer."""
    sky, glow, *ranges = palette.colours
    canvas = blend_vertically(width, height, [sky, mix(sky, glow, 0.5), glow])
    radius = round(min(width, height) * chance.uniform(0.13, 0.2))
    centre_x, centre_y = round(width * chance.uniform(0.25, 0.75)), round(height * chance.uniform(0.28, 0.45))
    for growth, strength in ((2.1, 26), (1.5, 44), (1.0, 235)):
        paint_disc(canvas, centre_x, centre_y, round(radius * growth), palette.paper, strength)
    layers = 5
    for layer in range(layers):
        nearness = layer / (layers - 1)
        colour = _pick(ranges, nearness)
        base = height * (0.5 + 0.4 * nearness)
        ridge = wander(chance, amplitude=height * 0.075, periods=(0.7, 1.6, 3.1))
        paint_below(canvas, base, (ridge,), colour, mix(colour, glow, 0.34 * (1 - nearness)))
    return canvas


def _paint_orbs(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """Large translucent circles over a soft mesh of colours."""
    canvas = _blend_mesh(width, height, palette, chance)
    short = min(width, height)
    for number in range(7):
        colour = palette.colours[(number * 2 + 1) % len(palette.colours)]
        radius = round(short * chance.uniform(0.12, 0.34) * (1 - number * 0.06))
        centre = round(width * chance.uniform(0.08, 0.92)), round(height * chance.uniform(0.08, 0.92))
        paint_disc(canvas, *centre, radius, colour, chance.randint(110, 190))
        if number % 2:
            paint_ring(canvas, *centre, round(radius * 1.12), palette.paper, max(2, short // 240))
    moon = round(width * chance.uniform(0.3, 0.7)), round(height * chance.uniform(0.3, 0.7))
    paint_disc(canvas, *moon, round(short * 0.09), palette.paper, 240)
    return canvas


def _paint_arches(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """A quilt of quarter circles and discs, a tile a colour pair."""
    tile = min(width, height) // chance.choice((3, 4))
    columns, rows = max(1, round(width / tile)), max(1, round(height / tile))
    canvas = Image.new("RGB", (width, height), palette.colours[-1])
    last: tuple[RGB, RGB] | None = None
    for row in range(rows):
        for column in range(columns):
            left, top = column * width // columns, row * height // rows
            right, bottom = (column + 1) * width // columns, (row + 1) * height // rows
            last = _pair(palette, chance, last)
            canvas.paste(_quilt_tile(right - left, bottom - top, *last, chance), (left, top))
    return canvas


def _paint_ribbons(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """Bands that flow across the page, each over the one before."""
    first, *others = palette.colours
    canvas = blend_vertically(width, height, [first, mix(first, palette.paper, 0.45)])
    bands = 8
    flow = wander(chance, amplitude=height * 0.16, periods=(0.6, 1.1))
    for band in range(bands):
        colour = others[band % len(others)]
        own = wander(chance, amplitude=height * 0.035, periods=(1.3, 2.2))
        base = height * (0.2 + 0.78 * band / (bands - 1))
        paint_below(canvas, base, (flow, own), colour, mix(colour, palette.paper, 0.25))
    return canvas


def _quilt_tile(width: int, height: int, ground: RGB, figure: RGB, chance: random.Random) -> Image.Image:
    """A tile with a disc, a quarter circle, or quarter rings, turned any way."""
    tile = Image.new("RGB", (width, height), ground)
    turn = chance.randrange(4)
    kind = chance.randrange(4)

    def shape(pen: ImageDraw.ImageDraw, k: int) -> None:
        w, h = width * k, height * k
        left, top = (-w if turn in (0, 3) else 0), (-h if turn in (0, 1) else 0)
        box = (left, top, left + 2 * w, top + 2 * h)
        if kind == 0:
            pen.ellipse((w * 0.14, h * 0.14, w * 0.86, h * 0.86), fill=255)
        elif kind == 1:
            pen.ellipse(box, fill=255)
        else:
            rings = 4 if kind == 2 else 2
            for step in range(rings):
                x, y = w * step / rings, h * step / rings
                pen.ellipse((box[0] + x, box[1] + y, box[2] - x, box[3] - y), fill=0 if step % 2 else 255)

    tile.paste(figure, mask=smooth_mask(width, height, shape))
    return tile


def _blend_mesh(width: int, height: int, palette: Palette, chance: random.Random) -> Image.Image:
    """Four colours, one from each corner, that flow into each other."""
    corners = chance.sample(palette.colours, 4)
    mesh = Image.new("RGB", (2, 2))
    mesh.putdata([mix(corner, palette.paper, 0.3) for corner in corners])
    return mesh.resize((width, height), Image.Resampling.BICUBIC)


def _pair(palette: Palette, chance: random.Random, last: tuple[RGB, RGB] | None) -> tuple[RGB, RGB]:
    """Two colours that differ, on another ground than the neighbour's."""
    ground, figure = chance.sample([*palette.colours, palette.paper], 2)
    return (figure, ground) if last and last[0] == ground else (ground, figure)


def _pick(colours: list[RGB], position: float) -> RGB:
    """The colour at a position from 0 to 1 along a list of colours."""
    place = position * (len(colours) - 1)
    index = min(int(place), len(colours) - 2)
    return mix(colours[index], colours[index + 1], place - index)


def _palette(paper: str, ink: str, *colours: str) -> Palette:
    def rgb(text: str) -> RGB:
        red, green, blue, *_ = ImageColor.getrgb(text)
        return red, green, blue

    return Palette(rgb(paper), rgb(ink), tuple(rgb(colour) for colour in colours))


MOTIFS = (_paint_hills, _paint_orbs, _paint_arches, _paint_ribbons)

PALETTES = (
    _palette("#f7f0e4", "#2b2d42", "#f6c89f", "#f9a26c", "#e76f51", "#8d4b6b", "#2f3061"),
    _palette("#eef3f1", "#16302b", "#cfe8e0", "#f4d58d", "#74a892", "#2f6f6a", "#12403f"),
    _palette("#fbf3ee", "#3a1d3f", "#ffd6c4", "#ff9a8b", "#d9587b", "#7b3f7d", "#33224f"),
    _palette("#eff4fa", "#14213d", "#cfe3f7", "#fcd29f", "#6fa3cf", "#33628f", "#14304f"),
    _palette("#f8f4e3", "#283618", "#f3e3b3", "#e9b872", "#a3a847", "#5f7136", "#2c3b1d"),
    _palette("#f5eff7", "#2d1e4a", "#dccbf2", "#ffc3a8", "#9f86d9", "#5d4aa3", "#2a2159"),
    _palette("#fdf6ec", "#3b2417", "#ffe0b0", "#ffb454", "#ef7b45", "#b2432f", "#4c1f2b"),
    _palette("#edf6f7", "#0b2e3c", "#bfe6e3", "#ffcb9a", "#38a3a5", "#22577a", "#0d2f4b"),
    _palette("#f6f3f0", "#26282c", "#dcd6cf", "#f0b89a", "#a9a29a", "#66747c", "#2d3a43"),
    _palette("#fff4f1", "#22333b", "#fbd3cb", "#f7b267", "#f4845f", "#5b8e7d", "#2a4d4e"),
)
