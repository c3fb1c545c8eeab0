"""Sets a prompt's words under a picture, as large as they fit and legible at any length.

The font is the one that Pillow carries, so that no machine needs fonts of its own. The price: it
knows Latin letters only. Letters it lacks are left out, and a prompt with none left is called untitled.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

from PIL import Image, ImageDraw, ImageFont

from batchgen.simulator.brushes import RGB

Box = tuple[int, int, int, int]

# From a headline for three words down to the smallest that still reads well at full size, in pixels.
TYPE_SIZES_PX = (64, 56, 48, 42, 36, 32, 28, 25, 22, 20)
LINE_SPACING = 1.22
# Smaller type before a broken word, but not below this: a word of sixty letters may break.
BREAK_SIZE_PX = 28
MARK_SIZE_PX = 20
MARK_TRACKING_PX = 3
# What a reader takes in at a glance; an enhanced prompt may be far longer than a page.
WORDS_LIMIT_CHARACTERS = 600
# A code point that no font draws: what comes out for it is the font's box for missing letters.
NO_CHARACTER = "\uffff"


def letter(page: Image.Image, box: Box, words: str, mark: str, ink: RGB) -> None:
    """Set the words into a box of the page from its top, and the mark at its bottom."""
    pen = ImageDraw.Draw(page)
    left, top, right, bottom = box
    mark_top = bottom - MARK_SIZE_PX
    _set_mark(pen, left, mark_top, mark, ink)
    size, lines = _fit(_legible(words), right - left, mark_top - MARK_SIZE_PX - top)
    for number, line in enumerate(lines):
        pen.text((left, top + number * size * LINE_SPACING), line, font=_font(size), fill=ink)


def _fit(words: str, width: int, height: int) -> tuple[int, list[str]]:
    """The largest type in which the words fit; in the smallest, as many lines as there is room for."""
    lines: list[str] = []
    longest = max(words.split(), key=len)
    for size in TYPE_SIZES_PX:
        if _font(size).getlength(longest) > width and size > BREAK_SIZE_PX:
            continue
        lines = _wrap(words, _font(size), width)
        if len(lines) * size * LINE_SPACING <= height:
            return size, lines
    size = TYPE_SIZES_PX[-1]
    room = max(1, int(height / (size * LINE_SPACING)))
    return size, [*lines[: room - 1], lines[room - 1].rstrip(" .,;") + " ..."]


def _wrap(words: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in words.split():
        for piece in _break(word, font, width):
            longer = f"{line} {piece}".lstrip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                line = piece
            else:
                line = longer
    return [*lines, line]


def _break(word: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """A word in pieces that fit a line each; nearly always the word itself."""
    if font.getlength(word) <= width:
        return [word]
    fits = max(1, int(len(word) * width / font.getlength(word)) - 1)
    return [word[start : start + fits] for start in range(0, len(word), fits)]


def _legible(words: str) -> str:
    """The words in letters that the font has: accents it lacks fall off, other scripts go."""
    plain = unicodedata.normalize("NFC", words[:WORDS_LIMIT_CHARACTERS])
    letters = (character if _has(character) else _base(character) for character in plain)
    return " ".join("".join(letters).split()) or "untitled"


def _base(character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if _has(base) else " "


@lru_cache(maxsize=4096)
def _has(character: str) -> bool:
    return character.isprintable() and (character.isascii() or _shape(character) != _shape(NO_CHARACTER))


def _shape(character: str) -> tuple[tuple[int, int], bytes]:
    mask = _font(TYPE_SIZES_PX[-1]).getmask(character)
    return mask.size, bytes(mask)


def _set_mark(pen: ImageDraw.ImageDraw, left: int, top: int, mark: str, ink: RGB) -> None:
    """Small capitals set wide, beside a square: plain to see, and out of the picture's way."""
    pen.rectangle((left, top + 3, left + 12, top + 15), fill=ink)
    x = float(left + 25)
    for character in mark:
        pen.text((x, top - 2), character, font=_font(MARK_SIZE_PX), fill=ink)
        x += _font(MARK_SIZE_PX).getlength(character) + MARK_TRACKING_PX


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType: it has no scalable font to letter pictures with")
    return font
