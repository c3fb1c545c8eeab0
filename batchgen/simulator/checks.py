"""What a service takes in a field, and what it says of a value that it does not take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A field that takes text of 1 to `longest` characters."""

    longest: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A field that takes a whole number from `least` to `most`."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Anything:
    """A field that takes any value."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A field that takes one of some words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """A field that takes true or false."""


Field = Text | Whole | Choice | Switch | Anything


def check(field: Field, value: Any) -> str | None:
    """The hint for one value, in the words of the service's validator; None if it is valid."""
    match field:
        case Text(longest):
            return _check_text(value, longest)
        case Whole(least, most):
            return _check_whole(value, least, most)
        case Choice(words):
            expected = " | ".join(f"'{word}'" for word in words)
            return None if value in words else f"Invalid enum value. Expected {expected}, received {_name(value)}"
        case Anything():
            return None
        case Switch():
            return None if isinstance(value, bool) else f"Expected boolean, received {_type(value)}"


def _check_text(value: Any, longest: int) -> str | None:
    if not isinstance(value, str):
        return f"Expected string, received {_type(value)}"
    if not value:
        return "String must contain at least 1 character(s)"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "Expected Unicode, received half of a surrogate pair"
    return f"String must contain at most {longest} character(s)" if len(value) > longest else None


def _check_whole(value: Any, least: int, most: int) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"Expected number, received {_type(value)}"
    if isinstance(value, float) and not value.is_integer():
        return "Expected integer, received float"
    if value < least:
        return f"Number must be greater than or equal to {least}"
    return f"Number must be less than or equal to {most}" if value > most else None


def _type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"


def _name(value: Any) -> str:
    return f"'{value[:80]}'" if isinstance(value, str) else _type(value)
