"""Settings as they were written -> one RunConfig, or all that is wrong with them.

pydantic checks them; only the location of its errors is read, and what to write instead is said in words of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

from batchgen.config.bounds import REFUSED
from batchgen.config.expected import expected, expected_of
from batchgen.config.file_rules import FileRule
from batchgen.config.names import Setting, known_settings, nest
from batchgen.config.settings import RunConfig
from batchgen.core.suggest import did_you_mean

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

# Settings that are tables of the user's own keys, and what their values may be.
_TABLES = {
    "columns": "write the name of a column, in quotes",
    "defaults": "write a text, a number, true or false",
}

# How far the location of an error is told of what has keys of its own: a number says which of several tables.
_BELOW = {"columns": 1, "defaults": 1, "files": 2}

_LIST_ALL = "`batchgen run --show-config` lists them all"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a setting. below: the key within it that is meant, where it is a table."""

    setting: str  # dotted name
    message: str
    below: tuple[str, ...] = ()


def check_settings(settings: Mapping[str, Setting]) -> tuple[RunConfig, list[Mistake]]:
    """Return the configuration of all settings that can be used, and what is wrong with the others.

    Args:
        settings: values by dotted name, as a file, a flag or a caller wrote them.
    """
    known = known_settings(settings)
    mistakes, usable = [], {}
    for name, value in settings.items():
        if name not in known:
            mistakes.append(Mistake(name, _explain_unknown(name, value, known)))
        elif isinstance(value, bool) is not isinstance(known[name], bool):
            # Python takes True for 1, and a user who writes it means something else.
            mistakes.append(Mistake(name, expected(name)))
        else:
            usable[name] = value
    while isinstance(checked := _validate(usable), list):
        mistakes += checked
        usable = {name: value for name, value in usable.items() if name not in {item.setting for item in checked}}
    return checked, mistakes


@cache
def _adapter() -> TypeAdapter[RunConfig]:
    """What pydantic makes of the types: 40 ms, which a program that runs and plans again and again pays once."""
    from pydantic import TypeAdapter

    return TypeAdapter(RunConfig)


def _validate(settings: Mapping[str, Setting]) -> RunConfig | list[Mistake]:
    from pydantic import ValidationError  # costs 0.1 s: only with something to check

    try:
        return _adapter().validate_python(nest(settings))
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)
    mistakes: dict[tuple[str, ...], Mistake] = {}
    for error in errors:
        setting = _setting_at(error["loc"], settings)
        below = tuple(map(str, error["loc"][1 : 1 + _BELOW.get(setting, 0)]))
        # Of a union, one word is enough.
        mistakes.setdefault((setting, *below), Mistake(setting, _explain(error, setting, below), below))
    return list(mistakes.values())


def _setting_at(location: tuple[int | str, ...], settings: Iterable[str]) -> str:
    """The setting that an error is about; its location may go on into a collection or a union."""
    return next(name for name in settings if location[: name.count(".") + 1] == tuple(name.split(".")))


def _explain(error: ErrorDetails, setting: str, below: tuple[str, ...]) -> str:
    if setting in _TABLES and below:
        return _TABLES[setting]
    if setting == "files":
        return _explain_files(error, below)
    return error["msg"] if error["type"] == REFUSED else expected(setting)


def _explain_files(error: ErrorDetails, below: tuple[str, ...]) -> str:
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case type_ if type_ == REFUSED:
            return error["msg"]
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"a table [[files]] has no such key; {', '.join(field.name for field in fields(FileRule))}"
        case _ if len(below) == 2:
            return expected_of(FileRule, below[1])
        case _:
            return "write tables [[files]] in the configuration file"


def _explain_unknown(name: str, value: Setting, known: Mapping[str, object]) -> str:
    tables = {setting.rpartition(".")[0] for setting in known} - {""}
    if name in tables:
        return f"this is a section: write [{name}] and its settings below"
    outermost, _, below = name.partition(".")
    if outermost == "providers" and not re.match(r"[A-Za-z0-9_-]+\.", below):
        return "write [providers.NAME] and its settings below; NAME has letters, digits, - and _"
    common = below.partition(".")[2]
    if outermost == "providers" and common in known:
        table, _, key = common.rpartition(".")
        return f"this is one for the whole run: write {key} {f'below [{table}]' if table else 'at the top of the file'}"
    near = did_you_mean(name, known)
    if isinstance(value, Mapping) and outermost not in {table.partition(".")[0] for table in tables}:
        near = did_you_mean(f"[{outermost}]", (f"[{table}]" for table in {*tables, *_TABLES, "providers.NAME"}))
    return f"no setting has this name; {near or _LIST_ALL}"
