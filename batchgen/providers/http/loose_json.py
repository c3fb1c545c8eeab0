"""JSON as far as it can be read, for what no strict reader takes.

Half a surrogate pair, UTF-8 that breaks off in the middle of a character, a line break or a quote inside a text, NaN,
a byte order mark, a comma too many, an end that is missing, words before or after: what stands beside them is read.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, Final

import msgspec

_BLANK: Final = re.compile(r"[\s\ufeff\0]*")
_BETWEEN: Final = re.compile(r"[\s\ufeff\0,:]*")
# A text ends at the first quote behind which JSON can go on: one that is not escaped may stand in the text.
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.|"(?!\s*(?:[,:}\]]|\Z)))*+)"?', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_MEANT: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_WORD: Final = re.compile(r'[^\s,:{}\[\]"]+')
_WORDS: Final[dict[str, bool]] = {"true": True, "false": False}
# By what JSON in it begins with (RFC 4627, section 3), the four bytes of a character first.
_WIDE: Final = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    b"{\0\0\0": "utf-32-le",
    b"\0\0\0{": "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"{\0": "utf-16-le",
    b"\0{": "utf-16-be",
}
# Deeper than any answer; what is below is left out.
_MAX_DEPTH: Final = 60


def in_utf_8(body: bytes) -> bytes:
    """Return JSON that came as UTF-16 or UTF-32 as UTF-8, and any other body as it came."""
    encoding = next((name for begin, name in _WIDE.items() if body.startswith(begin)), None)
    return body if encoding is None else body.decode(encoding, "replace").encode("utf-8", "replace")


def read_words(body: bytes) -> object:
    """Return the decoded JSON of a short body, as far as it can be read; None if it is no JSON at all."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        begins_so = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
        return read_loosely(body) or None if begins_so else None


def read_loosely(body: bytes) -> object:
    """Return what can be read of a body, from its first object or list on; None if it has none.

    Of a key that comes twice the last value counts that is not null or empty. A text without an end is kept as it is.
    """
    text = body.decode("utf-8", "replace")
    start = re.search(r"[{\[]", text)
    return None if start is None else _Reader(text, start.start()).value(0)


class _Reader:
    """Reads one value after the other, each beginning where the last one ended."""

    def __init__(self, text: str, position: int) -> None:
        self._text = text
        self._position = position

    def value(self, depth: int) -> object:
        """Return the value that begins here; always goes on by at least one character."""
        first = self._next(_BLANK)
        if first == "{" and depth < _MAX_DEPTH:
            return self._object(depth)
        if first == "[" and depth < _MAX_DEPTH:
            return self._list(depth)
        if first == '"':
            return self._string()
        word = _WORD.match(self._text, self._position)
        self._position = word.end() if word else self._position + 1
        return _meaning(word[0]) if word else None

    def _object(self, depth: int) -> dict[str, Any]:
        self._position += 1
        found: dict[str, Any] = {}
        while (following := self._next(_BETWEEN)) and following not in "}]":
            key = self._string() if following == '"' else self._bare_key()
            if self._next(_BLANK) != ":":
                continue
            self._position += 1
            value = self.value(depth + 1) if self._next(_BLANK) not in ("", ",", "}", "]") else None
            if key is not None and (value or key not in found):
                found[key] = value
        self._position += following == "}"
        return found

    def _list(self, depth: int) -> list[Any]:
        self._position += 1
        found = []
        while (following := self._next(_BETWEEN)) and following not in "}]":
            found.append(self.value(depth + 1))
        self._position += following == "]"
        return found

    def _string(self) -> str | None:
        read = _TEXT.match(self._text, self._position)
        if read is None:
            return None
        self._position = read.end()
        text = _ESCAPE.sub(_character, read[1]) if "\\" in read[1] else read[1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _bare_key(self) -> str | None:
        word = _WORD.match(self._text, self._position)
        self._position = word.end() if word else self._position + 1
        return word[0] if word else None

    def _next(self, skipped: re.Pattern[str]) -> str:
        """Go on behind what is skipped; return the character there, nothing at the end."""
        blank = skipped.match(self._text, self._position)
        self._position = blank.end() if blank else self._position
        return self._text[self._position : self._position + 1]


def _meaning(word: str) -> bool | float | None:
    if word in _WORDS:
        return _WORDS[word]
    try:
        return float(word)
    except ValueError:
        return None


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _MEANT.get(escape[2], escape[2])
