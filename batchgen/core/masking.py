"""Finds a secret in text from outside, however it is spelled, and masks it.

Text is undone layer by layer (percent signs, backslashes, HTML entities, one in the other), and in every layer the
secret is looked for as it is, in hex, and in base64 at its three alignments; letter case, white space and all that
is not ASCII count for nothing. Then it is looked for among the letters and digits alone, whatever stands between them:
as it is, and with its bytes as numbers, as programs print them. A piece of it is enough: a text that was cut keeps no
half. What is found is masked where it stands in the text as it came.

Not found: a secret that was encrypted, compressed, reversed, or packed in any other way that takes a program to undo.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Final

MASK: Final = "[API key]"

# No service gives out shorter keys; to mask the one letter of a made-up one would leave no word readable.
_SHORTEST: Final = 8
# Each round undoes one layer: more of them than any service stacks.
_LAYERS: Final = 6
# Of a longer text nothing is kept: to find the places would take memory for each of its letters.
_LONGEST: Final = 1_000_000
# Longer texts are searched piece by piece, each again from where the longest spelling of a key may have begun.
_OVERLAP: Final = 50_000

# Letters are compared in ASCII, which keys are written in: all else is a gap, like white space and control characters.
_GAPS: Final = bytes(range(0x21)) + b"\x7f"
# Where bytes are printed as numbers, or letters one by one, all else is a gap as well.
_WIDE_GAPS: Final = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_AS_IT_IS: Final = bytes(range(256))
_FOLDED: Final = _AS_IT_IS.lower()

_VIEWS: Final = ((_FOLDED, _GAPS), (_AS_IT_IS, _GAPS), (_FOLDED, _WIDE_GAPS))

_ESCAPE: Final = re.compile(
    r"%(?:u00)?(?P<percent>[0-9a-f]{2})"
    r"|\\+(?:u(?P<four>[0-9a-f]{4})|u\{(?P<braced>[0-9a-f]{1,5})\}|x(?P<two>[0-9a-f]{2}))"
    r"|&(?P<entity>#[0-9]{1,7}|#x[0-9a-f]{1,7}|[a-z]{2,8});?"
    r"|\\+(?P<gap>[nrt])"
    r"|\\+(?P<plain>[!-/:-@\[\]^_`{-~])",
    re.IGNORECASE,
)


class _Needle:
    """One way to write the secret.

    Args:
        text: The secret so written.
        piece: As many characters of it as are enough.
        table, gaps: What makes a text comparable: whether letter case counts, and what is left out.
    """

    __slots__ = ("_pieces", "_text", "gaps", "table")

    def __init__(self, text: bytes, piece: int, table: bytes, gaps: bytes = _GAPS) -> None:
        self.table = table
        self.gaps = gaps
        self._text = text
        # Every fourth, which is a quarter of the work: of a longer cut of the secret one of them is whole.
        self._pieces = {start: text[start : start + piece] for start in range(0, len(text) - piece + 1, 4)}

    def is_in(self, text: bytes) -> bool:
        """Whether a piece of the secret stands in a comparable text."""
        return any(piece in text for piece in self._pieces.values())

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Yield where the secret, or a piece of it, stands in a comparable text."""
        for offset, piece in self._pieces.items():
            start = text.find(piece)
            while start >= 0:
                yield self._whole(text, start, offset, len(piece))
                start = text.find(piece, start + 1)

    def _whole(self, text: bytes, start: int, offset: int, length: int) -> tuple[int, int]:
        """All of the secret that stands around a piece of it."""
        end, rest = start + length, self._text[offset + length :]
        while rest and text[end : end + 1] == rest[:1]:
            end, rest = end + 1, rest[1:]
        while offset and start and text[start - 1] == self._text[offset - 1]:
            start, offset = start - 1, offset - 1
        return start, end


class Masker:
    """Masks one secret of visible ASCII characters; one that is too short to be one is left alone."""

    __slots__ = ("_needles",)

    def __init__(self, secret: str) -> None:
        self._needles = tuple(_needles(secret.encode())) if len(secret) >= _SHORTEST else ()

    def mask(self, text: str) -> str:
        """Return text with every spelling of the secret, and every long piece of one, masked."""
        if not self.is_in(text):
            return text
        if len(text) > _LONGEST:
            return MASK
        masked, position = [], 0
        for start, end in _merged(self._spans(text)):
            masked += [text[position:start], MASK]
            position = end
        return "".join([*masked, text[position:]])

    def is_in(self, text: str) -> bool:
        """Whether the secret, or a long piece of it, stands in a text in some spelling."""
        return bool(self._needles) and any(
            self._is_in_short(text[start : start + _LONGEST + _OVERLAP]) for start in range(0, len(text), _LONGEST)
        )

    def _is_in_short(self, text: str) -> bool:
        for _ in range(_LAYERS):
            plain = text.encode("ascii", "ignore")
            seen = {view: plain.translate(*view) for view in _VIEWS}
            if any(needle.is_in(seen[needle.table, needle.gaps]) for needle in self._needles):
                return True
            undone = _ESCAPE.sub(_character, text)
            if undone == text:
                return False
            text = undone
        return False

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where in the text as it came something is to be masked."""
        letters = [(character, at, at + 1) for at, character in enumerate(text)]  # of a layer, with their places
        for _ in range(_LAYERS):
            for view in _VIEWS:
                table, gaps = view
                kept = [letter for letter in letters if letter[0].encode("ascii", "ignore").translate(None, gaps)]
                plain = "".join(letter for letter, *_ in kept).encode("ascii").translate(table)
                for needle in self._needles:
                    if (needle.table, needle.gaps) == view:
                        for first, last in needle.spans(plain):
                            yield kept[first][1], kept[last - 1][2]
            letters = _undone(letters)


def _needles(secret: bytes) -> Iterator[_Needle]:
    yield _Needle(secret.lower(), _SHORTEST, _FOLDED)
    for written in dict.fromkeys((secret, secret.lower(), secret.upper())):
        yield _Needle(written.hex().encode(), 2 * _SHORTEST, _FOLDED)
    for encoded in dict.fromkeys(_in_base64(secret)):
        yield _Needle(encoded, min(len(encoded), 4 * _SHORTEST // 3), _AS_IT_IS)
    letters = secret.lower().translate(None, _WIDE_GAPS)
    if len(letters) >= _SHORTEST:
        yield _Needle(letters, _SHORTEST, _FOLDED, _WIDE_GAPS)
    for number, digits in (("{:02x}", 2), ("0x{:02x}", 4), ("{:03o}", 3), ("{:d}", 2)):
        written = "".join(map(number.format, secret)).encode()
        yield _Needle(written, digits * _SHORTEST, _FOLDED, _WIDE_GAPS)


def _in_base64(secret: bytes) -> Iterator[bytes]:
    """The secret behind 0 to 2 other bytes, but for the edges, which also hold bits of what stands beside it."""
    for before in range(3):
        first, last = (before * 8 + 5) // 6, (before + len(secret)) * 8 // 6
        for letters in (b"+/", b"-_"):
            yield b64encode(b"\0" * before + secret, altchars=letters)[first:last]


def _character(escape: re.Match[str]) -> str:
    """What an escape stands for; itself where it stands for nothing."""
    if number := escape["percent"] or escape["four"] or escape["braced"] or escape["two"]:
        return chr(int(number, 16))
    if escape["gap"]:
        return " "
    if escape["plain"]:
        return escape["plain"]
    character = html.unescape(f"&{escape['entity'].lower()};")
    return character if len(character) == 1 else escape[0]


def _undone(letters: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """A layer with its escapes undone."""
    undone: list[tuple[str, int, int]] = []
    position = 0
    for escape in _ESCAPE.finditer("".join(letter for letter, *_ in letters)):
        character = _character(escape)
        if len(character) == 1:
            undone += letters[position : escape.start()]
            undone.append((character, letters[escape.start()][1], letters[escape.end() - 1][2]))
            position = escape.end()
    return [*undone, *letters[position:]]


def _merged(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
