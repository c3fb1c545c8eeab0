"""TOML files -> tables, and where in the text a mistake or a key stands; and values -> TOML.

`tomllib` gives the place of a mistake only in the words of its message before Python 3.14, and that of
a key not at all. Here both are found by cutting the text into statements, each of which is parsed by
itself; that happens only when there is a mistake to report.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What decides where a statement ends: whole strings and comments are passed over, brackets are counted.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)

Place = tuple[int, int]  # line and column, 1-based


# A file of settings is a page of text; what is larger is another file, or a device that never ends.
_MAX_FILE_BYTES = 1024 * 1024


class TomlError(Exception):
    """A file cannot be read or is not TOML. line and column are 1-based, None where the place is not known."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = place and place[0]
        self.column = place and place[1]


def read_toml(path: Path) -> str:
    """Return the text of a TOML file. Raises TomlError, whose message completes a sentence about the file."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise TomlError(f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise TomlError("cannot be read: its name holds a NUL character") from error
    if len(content) > _MAX_FILE_BYTES:
        raise TomlError(f"is not read: it has more than {_MAX_FILE_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TomlError(f"is not UTF-8: byte {error.start} is wrong") from error


def parse_toml(source: str) -> dict[str, Any]:
    """Return the tables of a TOML document. Raises TomlError."""
    source = source.replace("\r\n", "\n")  # as tomllib does
    try:
        return tomllib.loads(source)
    except RecursionError as error:
        raise TomlError("is not valid TOML: values are nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and a number with too many digits for Python
        raise TomlError(f"is not valid TOML: {error}", _place(source, _find_mistake(source))) from error


def find_key(source: str, path: Sequence[str]) -> Place | None:
    """Return where a value is assigned in a valid document: alone, or as part of an inline table or a larger key.

    For a table it is where its first value is, or that of a table in it.

    Args:
        source: a TOML document that parses.
        path: the names of the tables around the key, and its own. Of several tables of one name, a number says which,
            from 0.
    """
    source = source.replace("\r\n", "\n")
    table: tuple[str, ...] = ()
    repeated: Counter[tuple[str, ...]] = Counter()
    for statement in _statements(source):
        parsed = tomllib.loads(statement.text)
        if statement.text.lstrip().startswith("["):
            table = tuple(_only_path(parsed))
            if statement.text.lstrip().startswith("[[") and _has_number(path, len(table)):
                repeated[table] += 1
                table = (*table, str(repeated[table] - 1))
        elif parsed and table[: len(path)] == tuple(path[: len(table)]) and _contains(parsed, path[len(table) :]):
            indent = len(statement.text) - len(statement.text.lstrip())
            return _place(source, statement.start + indent)
    return None


def find_tables(source: str, name: str) -> list[Place]:
    """Return where the headers `[[name]]` of a valid document stand, in order."""
    source = source.replace("\r\n", "\n")
    header = re.compile(rf"\s*\[\[\s*{re.escape(name)}\s*\]\]")
    found = (match for statement in _statements(source) if (match := header.match(source, statement.start)))
    return [_place(source, source.index("[[", match.start())) for match in found]


def _has_number(path: Sequence[str], position: int) -> bool:
    return len(path) > position and path[position].isdecimal()


def toml_key(key: str) -> str:
    """Return a key as TOML: bare where it can be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)


def toml_value(value: object) -> str:
    """Return a text, a number, a truth value, or a list or table of them as TOML, printable and on one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{"".join(map(_escaped, value))}"'
        case list() | tuple():
            return f"[{', '.join(map(toml_value, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{toml_key(key)} = {toml_value(one)}' for key, one in value.items())}}}"
        case _:
            return repr(value)  # numbers, also nan and inf, look as in Python


def _escaped(character: str) -> str:
    if character in ('"', "\\"):
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


@dataclass(frozen=True, slots=True)
class _Statement:
    """A key with its value, a table's header, or a line without either."""

    start: int  # index in the document
    text: str


def _statements(source: str) -> Iterator[_Statement]:
    start = depth = 0
    for token in _TOKEN.finditer(source):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and depth <= 0:
            yield _Statement(start, source[start : token.end()])
            start, depth = token.end(), 0
    yield _Statement(start, source[start:])


def _find_mistake(source: str) -> int:
    """Index of the character at which a document stops being TOML."""
    statements = list(_statements(source))
    wrong = next((index for index, item in enumerate(statements) if _failure(item.text)), len(statements))
    before = source[: statements[wrong].start] if wrong < len(statements) else source
    if not _failure(before):
        return statements[wrong].start + _bisect(statements[wrong].text)
    # Each statement is valid, and one contradicts an earlier one.
    parses, fails = 0, wrong
    while fails - parses > 1:
        middle = (parses + fails) // 2
        if _failure(source[: statements[middle].start]):
            fails = middle
        else:
            parses = middle
    context = source[: statements[parses].start]
    return len(context) + _bisect(statements[parses].text, context)


def _bisect(statement: str, context: str = "") -> int:
    """Index of the last character that a statement needs to fail as it does."""
    failure = _failure(context + statement)
    needed, too_short = len(statement), 0
    while needed - too_short > 1:
        middle = (needed + too_short) // 2
        if _failure(context + statement[:middle]) == failure:
            needed = middle
        else:
            too_short = middle
    return needed - 1


def _failure(source: str) -> tuple[object, ...] | None:
    """Type and arguments of what parsing raises: a value that is compared, and never read."""
    try:
        tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        return type(error), *error.args
    return None


def _only_path(parsed: Mapping[str, Any]) -> Iterator[str]:
    """The keys from a document with one header down to its table."""
    while parsed:
        ((key, below),) = parsed.items()
        yield key
        parsed = below[0] if isinstance(below, list) else below


def _contains(parsed: object, path: Sequence[str]) -> bool:
    """Whether a path leads to something, or through a value that is no table."""
    for key in path:
        if not isinstance(parsed, Mapping):
            return True
        if key not in parsed:
            return False
        parsed = parsed[key]
    return True


def _place(source: str, index: int) -> Place:
    return source.count("\n", 0, index) + 1, index - (source.rfind("\n", 0, index) + 1) + 1
