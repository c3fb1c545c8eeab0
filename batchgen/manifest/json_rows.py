"""JSON -> rows: one object a line (JSON Lines), or one array of objects. Told by its first character, not by its name.

Lines are read in blocks. An array is read whole, since nothing tells where its objects begin: it has a bound. What is
wrong with one row becomes a finding, and reading goes on; what is wrong with an array is wrong with all of it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final, NoReturn

import msgspec

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Finding, Problem
from batchgen.manifest.python_values import DEPTH_MAX
from batchgen.manifest.source import BATCH_BYTES, BATCH_ROWS
from batchgen.manifest.text_blocks import LINE_MAX_CHARS

Row = dict[str, object]

# With what Python needs to hold its rows, an array of this size takes a gigabyte.
ARRAY_MAX_BYTES: Final = 256 * 1024 * 1024
_SPACE: Final = b" \t\r\n"
# What a bracket or a quote may stand in, and what may not be looked into.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
# Numbers of Python that JSON has not, and texts, in which such words are fine.
_CONSTANT: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|NaN|-?Infinity', re.DOTALL)
_KEY: Final = re.compile(rb'"[ \t\r\n]*:')
_PAIRS: Final = json.JSONDecoder(object_pairs_hook=list)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class JsonBlock:
    """Some thousand rows as text. lines, offsets: for each row the 1-based line, and the bytes before it there."""

    texts: Sequence[bytes]
    lines: Sequence[int]
    offsets: Sequence[int] | None = None  # None where each row has a line of its own


def read_blocks(file: BinaryIO, name: str) -> Iterator[JsonBlock]:
    """Read the rows of a file from its start.

    Raises:
        ManifestError: it is an array that cannot be taken apart, or a line is too long.
    """
    start = file.read(BATCH_BYTES).removeprefix(codecs.BOM_UTF8)
    if start.lstrip(_SPACE).startswith(b"["):
        yield from _array_blocks(start + file.read(ARRAY_MAX_BYTES), name)
    else:
        yield from _line_blocks(start, file, name)


def decode_row(text: bytes) -> Row | Finding:
    """Return the row that a text says, or why it says none."""
    try:
        # Most rows have fewer brackets than would be too deep, and need no closer look.
        deep = text.count(b"[") + text.count(b"{") > DEPTH_MAX
        row = _decode(_deep_as_text(text) if deep else text)
    except UnicodeDecodeError:
        return _not_utf8(text)
    except (msgspec.DecodeError, RecursionError):
        return Finding("E026", _explain(text))
    if not isinstance(row, dict):
        return Finding("E026", f'the row is {_kind(row)} and no object; write it like {{"prompt": "a red fox"}}')
    return row


def refuse_columns(name: str, row: Row, prompt: str) -> None:
    """Raise ManifestError if the only object of a file is no row, but holds a table by its columns, or rows."""
    advice = 'write an array of rows, or a row a line (pandas: to_json(path, orient="records", lines=True))'
    if _is_column(row.get(prompt)):
        text = f"the file is one object that holds a table by its columns; {advice}"
        raise ManifestError([Problem("E026", name, text, 1, 1)])
    if prompt not in row and (within := [key for key, value in row.items() if isinstance(value, list | dict)]):
        text = f"the file is one object without {prompt!r}; if {within[-1]!r} holds the rows, {advice}"
        raise ManifestError([Problem("E026", name, text, 1, 1)])


def _is_column(value: object) -> bool:
    """Whether a value is a column as pandas writes it: a list, or cells by their numbers."""
    return isinstance(value, list) or (isinstance(value, dict) and bool(value) and all(map(str.isdecimal, value)))


def repeated_key(text: bytes, row: Row) -> Finding | None:
    """Say which key a row has twice, if it has one; of those, `decode_row` returns the last."""
    # Twice a quick look, since few rows have so many colons, and fewer behind a quote.
    if text.count(b":") == len(row) or len(_KEY.findall(text)) == len(row):
        return None
    try:
        pairs = _PAIRS.decode(text.decode())
    except (ValueError, RecursionError):  # digits without end, or deeper than Python goes
        return None
    if len(pairs) == len(row):
        return None
    key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
    return Finding("E027", f"the key {key!r} stands twice in the row; remove one")


def _line_blocks(start: bytes, file: BinaryIO, name: str) -> Iterator[JsonBlock]:
    carry, line, data = b"", 1, start
    while True:
        pieces = (carry + data).split(b"\n")
        carry = pieces.pop() if data else b""
        if len(carry) > LINE_MAX_CHARS:
            text = f"line {line + len(pieces)} is longer than {LINE_MAX_CHARS:,} bytes; is this a table of prompts?"
            raise ManifestError([Problem("E023", name, text, line + len(pieces), 1)])
        rows = iter([(number, piece) for number, piece in enumerate(pieces, line) if piece.strip(_SPACE)])
        line += len(pieces)
        while some := list(islice(rows, BATCH_ROWS)):
            yield JsonBlock([text for _, text in some], [number for number, _ in some])
        if not data:
            return
        data = file.read(BATCH_BYTES)


def _array_blocks(content: bytes, name: str) -> Iterator[JsonBlock]:
    if len(content) > ARRAY_MAX_BYTES:
        text = (
            f"an array of JSON may have {ARRAY_MAX_BYTES >> 20} MB, since it is read as a whole; JSON Lines, an object"
            " in each line, may have any size (jq -c '.[]' FILE > FILE.jsonl)"
        )
        raise ManifestError([Problem("E006", name, text)])
    try:
        items = iter(_ITEMS.decode(content))
    except RecursionError:
        content = _deep_as_text(content, within=2)
        items = iter(_ITEMS.decode(content))
    except msgspec.DecodeError as error:
        raise ManifestError([_array_fault(content, name)]) from error
    position, line = 0, 1
    while some := list(islice(items, BATCH_ROWS)):
        texts: list[bytes] = []
        lines: list[int] = []
        offsets: list[int] = []
        for row in map(bytes, some):
            begin = content.find(row, position)
            line += content.count(b"\n", position, begin)
            offsets.append(begin - content.rfind(b"\n", 0, begin) - 1)
            texts.append(row)
            lines.append(line)
            line += row.count(b"\n")
            position = begin + len(row)
        yield JsonBlock(texts, lines, offsets)


def _deep_as_text(text: bytes, within: int = 1) -> bytes:
    """JSON in which values that are nested too deeply, in the object or the objects of an array, are text."""
    depth = deepest = start = kept = 0
    pieces = []
    for token in _TOKEN.finditer(text):
        if token[0] in b"[{":
            depth += 1
            if depth == within + 1:
                start, deepest = token.start(), depth
            deepest = max(deepest, depth)
        elif token[0] in b"]}":
            if depth == within + 1 and deepest - within > DEPTH_MAX:
                inner = text[start : token.end()].decode("utf-8", "replace")
                pieces += [text[kept:start], msgspec.json.encode(inner)]
                kept = token.end()
            depth -= 1
    return b"".join([*pieces, text[kept:]])


def _not_utf8(text: bytes) -> Finding:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        byte = f"byte 0x{text[error.start]:02X} at byte {error.start + 1} of the row"
        return Finding("E021", f"not UTF-8: {byte}; save the file as UTF-8")
    raise AssertionError("msgspec refused what is UTF-8")


def _explain(text: bytes) -> str:
    """Why a text is no JSON, in the words of Python's own reader: msgspec counts bytes."""
    if text.strip(_SPACE) == b"{":
        return (
            "an object of several lines is read within an array only; `jq -c . FILE > FILE.jsonl` makes each one line"
        )
    try:
        json.loads(text.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return f"the row is not JSON: {error.msg[0].lower()}{error.msg[1:]} at character {error.colno}"
    except _ConstantError as error:
        return f"the row is not JSON: {error} is none; write null"
    except (ValueError, RecursionError):
        pass
    return "the row is not JSON: a number is out of range, or a \\u escape is half of a character"


def _array_fault(content: bytes, name: str) -> Problem:
    text, place = "it is no array of objects; is the file cut off?", (1, 1)
    try:
        json.loads(content.decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        text = f"{error.msg[0].lower()}{error.msg[1:]}; is the file cut off?"
        place = (error.lineno, error.colno)
    except (ValueError, RecursionError):
        pass
    else:  # Python reads what it writes
        for token in _CONSTANT.finditer(content):
            if not token[0].startswith(b'"'):
                before = content[: token.start()].decode("utf-8", "replace").rpartition("\n")
                text = f"{token[0].decode()} is none; write null"
                place = (content.count(b"\n", 0, token.start()) + 1, len(before[2]) + 1)
                break
    return Problem("E026", name, f"the array is not JSON: {text}", *place)


class _ConstantError(Exception):
    """NaN, Infinity or -Infinity."""


def _refuse_constant(word: str) -> NoReturn:
    raise _ConstantError(word)


def _kind(value: object) -> str:
    kinds = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
