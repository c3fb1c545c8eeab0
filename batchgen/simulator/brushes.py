"""Shapes with soft edges, gradients and calm curves: what the simulator's pictures are made of."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

RGB = tuple[int, int, int]
Curve = Callable[[float], float]

# Shapes are drawn this much larger and then shrunk: Pillow draws hard edges, shrinking softens them.
SUPERSAMPLING = 2
# Straight pieces in a curve across the page: enough to look round.
CURVE_PIECES = 96


def paint_disc(canvas: Image.Image, x: int, y: int, radius: int, colour: RGB, alpha: int) -> None:
    """A disc that lets through what alpha, from 0 to 255, leaves."""
    mask = smooth_mask(
        2 * radius, 2 * radius, lambda pen, k: pen.ellipse((0, 0, 2 * radius * k - 1, 2 * radius * k - 1), fill=alpha)
    )
    canvas.paste(colour, (x - radius, y - radius, x + radius, y + radius), mask)


def paint_ring(canvas: Image.Image, x: int, y: int, radius: int, colour: RGB, thickness: int) -> None:
    """A thin circle."""
    mask = smooth_mask(
        2 * radius,
        2 * radius,
        lambda pen, k: pen.ellipse((0, 0, 2 * radius * k - 1, 2 * radius * k - 1), outline=200, width=thickness * k),
    )
    canvas.paste(colour, (x - radius, y - radius, x + radius, y + radius), mask)


def paint_below(canvas: Image.Image, base: float, curves: Sequence[Curve], top: RGB, bottom: RGB) -> None:
    """Fill everything under an edge, the base line plus some curves, with a gradient."""
    width, height = canvas.size
    steps = [width * step / CURVE_PIECES for step in range(CURVE_PIECES + 1)]
    line = [(x, base + sum(curve(x) for curve in curves)) for x in steps]
    first = max(0, math.floor(min(y for _, y in line)))
    if first >= height:
        return

    def shape(pen: ImageDraw.ImageDraw, k: int) -> None:
        curve = [(x * k, (y - first) * k) for x, y in line]
        pen.polygon([(0, (height - first) * k), *curve, (width * k, (height - first) * k)], fill=255)

    fill = blend_vertically(width, height - first, [top, bottom])
    canvas.paste(fill, (0, first), smooth_mask(width, height - first, shape))


def smooth_mask(width: int, height: int, shape: Callable[[ImageDraw.ImageDraw, int], None]) -> Image.Image:
    """A mask with soft edges. `shape` draws it at k times its size, with the pen and k that it is given."""
    large = Image.new("L", (width * SUPERSAMPLING, height * SUPERSAMPLING), 0)
    shape(ImageDraw.Draw(large), SUPERSAMPLING)
    return large.reduce(SUPERSAMPLING)


def blend_vertically(width: int, height: int, stops: list[RGB]) -> Image.Image:
    """A gradient through some colours from top to bottom."""
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(stops)
    return column.resize((1, height), Image.Resampling.BICUBIC).resize((width, height), Image.Resampling.NEAREST)


def wander(chance: random.Random, amplitude: float, periods: tuple[float, ...]) -> Curve:
    """A calm curve around 0: a few sine waves, the faster the lower; x in pixels of a page some 1000 wide."""
    waves = [(amplitude / (1 + order), period, chance.uniform(0, math.tau)) for order, period in enumerate(periods)]
    return lambda x: sum(size * math.sin(math.tau * period * x / 1000 + phase) for size, period, phase in waves)


def mix(one: RGB, other: RGB, share: float) -> RGB:
    """One colour with a share, from 0 to 1, of another."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
