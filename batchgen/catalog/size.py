"""How a model takes the size of an image: words of its own, a width and a height, or both.

The manifest says one thing for every model: `1024x768`, `16:9`, or a word such as `2K` or `square_hd`. The model's file
says what of this it takes and how it is written in a body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from batchgen.core.suggest import did_you_mean

Pixels = tuple[int, int]
# What is sent in the place of a size: a word, `1024x768`, or {"width": 1024, "height": 768}.
Written = str | dict[str, int]

_PIXELS = re.compile(r"([1-9][0-9]{0,4}) ?[xX\u00d7] ?([1-9][0-9]{0,4})")
_RATIO = re.compile(r"[1-9][0-9.]*:[1-9][0-9.]*")


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What sizes a model takes.

    names: words that are sent as they are. ratios: for a ratio what to take instead, a name or WIDTHxHEIGHT. pixels:
    what is known of the width and height behind a name. write: how WIDTHxHEIGHT is sent: as that text, as an object
    with `width` and `height`, or as two fields of these names; None if the model takes none.
    min_side, max_side, multiple_of: pixels of each side. min_pixels, max_pixels: of the whole image. max_ratio: of the
    longer side to the shorter.
    """

    names: tuple[str, ...] = ()
    ratios: dict[str, str] = {}
    pixels: dict[str, Pixels] = {}
    write: Literal["text", "object", "fields"] | None = None
    min_side: int | None = None
    max_side: int | None = None
    multiple_of: int = 1
    min_pixels: int | None = None
    max_pixels: int | None = None
    max_ratio: float | None = None

    def read(self, text: str) -> str:
        """Return the one form of a size: a name as the file has it, or WIDTHxHEIGHT.

        Raises ValueError, with what is wrong and what is allowed, if the model does not take it.
        """
        word = text.strip()
        for name in self.names:
            if name.casefold() == word.casefold():
                return name
        if word in self.ratios:
            return self.ratios[word]
        if found := _PIXELS.fullmatch(word):
            width, height = int(found[1]), int(found[2])
            if wrong := self._wrong(width, height):
                raise ValueError(f"{wrong}; {self.allowed}")
            return f"{width}x{height}"
        raise ValueError("; ".join(filter(None, [did_you_mean(word, (*self.names, *self.ratios)), self.allowed])))

    def written(self, size: str) -> Written:
        """Return what stands in the body for a size that `read` returned."""
        pixels = _pixels_in(size)
        if pixels is None or self.write in (None, "text") or size in self.names:
            return size
        return dict(zip(("width", "height"), pixels, strict=True))

    def pixels_of(self, size: str) -> Pixels | None:
        """Return width and height of a size that `read` returned, None if only the service knows them."""
        return self.pixels.get(size) or _pixels_in(size)

    @property
    def most_pixels(self) -> int | None:
        """How many pixels an image has at most, None if that is not known."""
        known = [width * height for width, height in self.pixels.values()]
        if len(known) < len(self.names):
            return None
        if self.write is not None:
            sides = None if self.max_side is None else self.max_side**2
            bounds = [bound for bound in (self.max_pixels, sides) if bound is not None]
            if not bounds:
                return None
            known.append(min(bounds))
        return max(known, default=None)

    @property
    def allowed(self) -> str:
        """Say what the model takes."""
        words = [*self.names, *(ratio for ratio in self.ratios if ratio not in self.names)]
        if self.write is not None:
            words.append("WIDTHxHEIGHT" + (f" ({self.bounds})" if self.bounds else ""))
        return f"allowed are {', '.join(words)}"

    @property
    def bounds(self) -> str:
        """What a width and a height must keep to, in words."""
        bounds = []
        if sides := _range(self.min_side, self.max_side):
            bounds.append(f"sides of {sides}")
        if self.multiple_of > 1:
            bounds.append(f"multiples of {self.multiple_of}")
        if pixels := _range(self.min_pixels, self.max_pixels):
            bounds.append(f"{pixels} pixels in all")
        if self.max_ratio is not None:
            bounds.append(f"ratio at most {self.max_ratio:g}:1")
        return ", ".join(bounds)

    def _wrong(self, width: int, height: int) -> str:
        short, long = sorted((width, height))
        if self.write is None:
            return "the model takes no width and height"
        if self.min_side is not None and short < self.min_side:
            return f"a side of {short} is too small"
        if self.max_side is not None and long > self.max_side:
            return f"a side of {long} is too large"
        if odd := [side for side in (width, height) if side % self.multiple_of]:
            return f"{odd[0]} is no multiple of {self.multiple_of}"
        if self.min_pixels is not None and width * height < self.min_pixels:
            return f"{width * height:,} pixels are too few"
        if self.max_pixels is not None and width * height > self.max_pixels:
            return f"{width * height:,} pixels are too many"
        if self.max_ratio is not None and long > short * self.max_ratio:
            return f"{long / short:.2g}:1 is too long"
        return ""


def size_inconsistencies(size: Size) -> Iterator[str]:
    """Say in which ways the sizes of a model contradict each other, each as `key: what is wrong`."""
    if not size.names and size.write is None:
        yield "size: needs names, or write"
    if size.names and size.write == "fields":
        yield "size.names: a word cannot be written as two fields"
    if size.multiple_of < 1:
        yield "size.multiple_of: must be 1 or more"
    yield from (f"size.pixels.{name!r}: is not among the names" for name in size.pixels if name not in size.names)
    for ratio, instead in size.ratios.items():
        if not _RATIO.fullmatch(ratio):
            yield f"size.ratios.{ratio!r}: is no ratio like 16:9"
        try:
            size.read(instead)
        except ValueError as error:
            yield f"size.ratios.{ratio!r}: {instead!r} is no size of this model: {error}"


def _pixels_in(size: str) -> Pixels | None:
    found = _PIXELS.fullmatch(size)
    return None if found is None else (int(found[1]), int(found[2]))


def _range(least: int | None, most: int | None) -> str:
    if least is None and most is None:
        return ""
    if least is None:
        return f"at most {most:,}"
    return f"at least {least:,}" if most is None else f"{least:,} to {most:,}"
