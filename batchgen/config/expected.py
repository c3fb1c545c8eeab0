"""What a setting takes, in words for a user who wrote something else: made from its type and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from batchgen.config.bounds import Within
from batchgen.config.settings import ProviderOverrides, RunConfig


def expected(setting: str) -> str:
    """Return what to write for a setting, by its dotted name, as in `write a whole number from 1 to 1,024`."""
    kind: Any = RunConfig
    names = setting.split(".")
    if names[0] == "providers":
        kind, names = ProviderOverrides, names[2:]
    for name in names:
        kind = _without_none(get_type_hints(kind, include_extras=True)[name])
    return f"write {_describe(kind)}"


def expected_of(kind: type, key: str) -> str:
    """Return what to write for a key of a table."""
    return f"write {_describe(_without_none(get_type_hints(kind, include_extras=True)[key]))}"


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def _describe(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f"'{word}'" for word in get_args(kind))
    if get_origin(kind) is Annotated:
        plain, *extras = get_args(kind)
        bounds = next((extra.bounds for extra in extras if isinstance(extra, Within)), {})
        return f"{_WORDS[plain]}{_describe_bounds(bounds)}"
    if get_origin(kind) is Mapping and get_origin(get_args(kind)[1]) is Literal:
        return f"a table with the values {_describe(get_args(kind)[1])}"
    if get_origin(kind) is tuple:
        return f"a list, each {_describe(get_args(kind)[0])}" if get_args(kind)[0] is not str else _WORDS[tuple]
    return _WORDS[get_origin(kind) or kind]


_WORDS: Mapping[Any, str] = {
    bool: "true or false, without quotes",
    int: "a whole number",
    float: "a number",
    str: "a text, in quotes",
    tuple: 'a list of texts, as in ["mine.toml"]',
    Mapping: "a table",
}


def _describe_bounds(bounds: Mapping[str, float]) -> str:
    match bounds:
        case {"ge": low, "le": high}:
            return f" from {low:,} to {high:,}"
        case {"gt": low, "le": high}:
            return f" above {low:,}, up to {high:,}"
        case {"ge": low}:
            return f", {low:,} or more"
        case _:
            return ""
