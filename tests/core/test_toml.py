"""What reading TOML promises: tables, or an error that points at the character that is wrong."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.core.toml import TomlError, find_key, parse_toml


def place(source: str) -> tuple[int | None, int | None]:
    with pytest.raises(TomlError) as caught:
        parse_toml(source)
    return caught.value.line, caught.value.column


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("a = \n", 1, 5),
        ("a = 1\nb = = 2\nc = 3\n", 2, 5),
        ("a = 1\n[b]\n[b]\nc = 1\n", 3, 3),
        ("a = 1\na = 2\n", 2, 6),
        ("a = 1\na = 2\nb = = 1\n", 2, 6),
        ("a = 1\n[b]\nc = [\n  1,\n]\n[b.c]\n", 6, 5),
        ("a = [\n  1,\n  2,,\n]\nb = 1\n", 3, 5),
        ('a = """\ntext\n"""\nb = nothing\n', 4, 5),
        ("a = 1\r\nb = \r\n", 2, 5),
        ("a = 'not closed\nb = 1\n", 1, 5),
        ("a = [1, 2\n", 1, 9),
        ('a = "never closed', 1, 5),
        ("a =", 1, 3),
        ("\ufeffa = 1", 1, 1),
        ("a = 1\0", 1, 6),
        ("a = 1979-13-45\n", 1, 9),
        ("a = 'b'\nc = 'not closed\nd = 'e'\n", 2, 5),
        ('a = """b"""\nc = """not closed\n', 2, 7),
    ],
)
def test_a_mistake_has_the_line_and_column_of_its_character(source: str, line: int, column: int) -> None:
    assert place(source) == (line, column)


def test_a_number_with_too_many_digits_is_on_its_line() -> None:
    assert place("a = 1\nb = " + "9" * 5000)[0] == 2


def test_nesting_that_is_too_deep_is_an_error_without_a_place() -> None:
    assert place("a = " + "[" * 100_000) == (None, None)


def test_a_mistake_at_the_end_of_a_large_document_is_found() -> None:
    source = "".join(f"key_{number} = {number}\n" for number in range(5000)) + "b = ?\n" + "c = 1\n" * 5000
    assert place(source) == (5001, 5)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="[]{}=\"'.,#\n 09ab\r\\\0é", max_size=40))
def test_any_text_is_read_as_tomllib_reads_it_or_refused_at_a_place_inside(source: str) -> None:
    try:
        expected = tomllib.loads(source)
    except ValueError:
        line, column = place(source)
        lines = source.replace("\r\n", "\n").split("\n")
        assert line is not None
        assert column is not None
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
    else:
        assert parse_toml(source) == expected


DOCUMENT = """
plain = 1  # [no.header]
text = '''
[no.header]
inner = 1
'''
dotted . "key" = 2
inline = { deep = { inner = 3 } }

  [a."b.c"]
    list = [
      1,
    ]
    inner = 4
[[many]]
inner = 5
[ a . d ]
inner = 6
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (["plain"], (2, 1)),
        (["text"], (3, 1)),
        (["dotted", "key"], (7, 1)),
        (["inline", "deep", "inner"], (8, 1)),
        (["a", "b.c", "list"], (11, 5)),
        (["a", "b.c", "inner"], (14, 5)),
        (["a", "d", "inner"], (18, 1)),
        (["no", "header", "inner"], None),
        (["inner"], None),
    ],
)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_a_key_is_found_however_it_is_written(path: list[str], expected: tuple[int, int], line_break: str) -> None:
    assert find_key(DOCUMENT.replace("\n", line_break), path) == expected
