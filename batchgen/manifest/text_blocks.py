"""Bytes -> lines of text, with the way back from a line to its place in the file.

Text is read in blocks that end with a line, so neither the size of the file nor one endless line
costs more than a bounded amount of memory. Bytes that are not UTF-8 become lone surrogates, which
no valid text has: the rest of the file stays readable and the exact bytes can be had back. The price
is that the blocks of the current batch stay in memory until `forget_before`.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import BinaryIO

# One read: large enough that decoding and splitting run in C, small enough to stay in the cache.
BLOCK_BYTES = 256 * 1024
# More than the largest cell that anyone means; a longer line is not a table of prompts.
LINE_MAX_CHARS = 16 * 1024 * 1024

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class LineTooLongError(Exception):
    """A line is longer than LINE_MAX_CHARS; `line` is its 1-based number."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True, slots=True)
class Record:
    """The raw text of some lines, and the byte of the file at which it starts."""

    text: str
    first_line: int  # 1-based
    first_byte: int  # 0-based

    def cell_start(self, column: int, delimiter: str) -> int:
        """Index in the text where a cell starts; the end of the text if there is no such cell."""
        start = 0
        for _ in range(column):
            end = self._quoted_end(start) if self.text.startswith('"', start) else start
            start = self.text.find(delimiter, end) + 1
            if not start:
                return len(self.text.rstrip("\r\n"))
        return start

    def place(self, index: int) -> tuple[int, int]:
        """1-based line of the file, and character in that line, of an index of the text."""
        breaks = [match.end() for match in _LINE_BREAK.finditer(self.text, 0, index)]
        return self.first_line + len(breaks), index - (breaks[-1] if breaks else 0) + 1

    def byte_at(self, index: int) -> int:
        """0-based position in the file of the byte with which a character of the text starts."""
        return self.first_byte + len(self.text[:index].encode("utf-8", "surrogateescape"))

    def _quoted_end(self, start: int) -> int:
        position = start + 1
        while (position := self.text.find('"', position)) >= 0:
            if not self.text.startswith('""', position):
                return position
            position += 2
        return len(self.text)


class TextBlocks:
    """The lines of a file, for `csv.reader`, and the raw text of the latest of them.

    chars_read: characters of all lines that were begun. ended: whether a line was asked for after the last one.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._kept: deque[Record] = deque()
        self.chars_read = 0
        self.ended = False

    def lines(self) -> Iterator[str]:
        """Iterate over the physical lines, line breaks included.

        Raises:
            LineTooLongError: a line is longer than LINE_MAX_CHARS.
        """
        return chain.from_iterable(self._split())

    def forget_before(self, line: int) -> None:
        """Let go of the text before a line."""
        while len(self._kept) > 1 and self._kept[1].first_line <= line:
            self._kept.popleft()

    def keep(self) -> Lines:
        """Return the lines read since the last `forget_before`."""
        return Lines(tuple(self._kept))

    def spans_more_than(self, chars: int, first_line: int, end_line: int) -> bool:
        """Whether the kept lines from one up to, and without, another have more than this many characters."""
        if sum(len(block.text) for block in self._kept) <= chars:
            return False
        return len(self.keep().record(first_line, end_line).text) > chars

    def _split(self) -> Iterator[io.StringIO]:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        line, carry, read, start = 1, "", 0, 0
        while True:
            data = self._file.read(BLOCK_BYTES)
            if not read and data.startswith(codecs.BOM_UTF8):
                data = data[len(codecs.BOM_UTF8) :]
                read = start = len(codecs.BOM_UTF8)
            read += len(data)
            text = carry + decoder.decode(data, final=not data)
            # A \r at the very end may be the first half of \r\n.
            cut = (text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1) if data else len(text)
            block, carry = text[:cut], text[cut:]
            if len(carry) > LINE_MAX_CHARS:
                raise LineTooLongError(line)
            if block:
                self._kept.append(Record(block, line, start))
                self.chars_read += len(block)
                line += block.count("\n") + block.count("\r") - block.count("\r\n")
                start = read - len(decoder.getstate()[0]) - len(carry.encode("utf-8", "surrogateescape"))
                yield io.StringIO(block, newline="")
            if not data:
                self.ended = True
                return


@dataclass(slots=True)
class Lines:
    """Raw text of the lines of one batch; split only when a record of it is asked for."""

    blocks: tuple[Record, ...]
    _texts: list[str] = field(default_factory=list)
    _bytes: list[int] = field(default_factory=list)

    def record(self, first_line: int, end_line: int) -> Record:
        """Return the text from one line up to, and without, another."""
        if not self._texts:
            self._texts = [text for block in self.blocks for text in io.StringIO(block.text, newline="")]
            lengths = (len(text.encode("utf-8", "surrogateescape")) for text in self._texts)
            self._bytes = list(accumulate(lengths, initial=self.blocks[0].first_byte))
        index = first_line - self.blocks[0].first_line
        text = "".join(self._texts[index : end_line - self.blocks[0].first_line])
        return Record(text, first_line, self._bytes[index])


def first_undecodable(text: str) -> int | None:
    """Index of the first character that stands for a byte that is not UTF-8, if there is one."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def repair(text: str) -> str:
    """Return text that any file can hold: a question mark for each byte that is not UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
