"""Environment variables that set something: `BATCHGEN_LIMITS__CONCURRENCY` is `limits.concurrency`.

A name is that of the setting in capitals, with two underscores for each dot. The API key is not among them: it is no
setting, and is never shown. A name that is near to a setting's is a mistake, and is said: a limit that is silently
ignored costs money. Other names that begin with BATCHGEN_ belong to somebody else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from batchgen.config.names import Setting, known_settings
from batchgen.core.problems import Problem
from batchgen.core.suggest import nearest
from batchgen.core.toml import TomlError, parse_toml

_PREFIX = "BATCHGEN_"
# The one that is set most, without its table.
_BASE_URL = "BATCHGEN_BASE_URL"


@dataclass(frozen=True, slots=True)
class Variables:
    """What the environment says.

    settings: values by dotted name. entries: those of the tables `columns` and `defaults`, which a file may have as
    well. origins: the variable of each setting and entry, by dotted name. problems: variables that set nothing.
    """

    settings: Mapping[str, Setting]
    entries: Mapping[str, Mapping[str, Setting]]
    origins: Mapping[str, str]
    problems: tuple[Problem, ...]


def variable_of(setting: str) -> str:
    """Return the environment variable of a setting."""
    return _PREFIX + setting.replace(".", "__").upper()


def read_variables(environ: Mapping[str, str]) -> Variables:
    """Read the settings of an environment; a variable that is empty sets nothing."""
    written = {name: text for name, text in environ.items() if name.startswith(_PREFIX) and text}
    origins = {_setting_of(variable): variable for variable in sorted(written)}
    known = known_settings(origins)
    settings: dict[str, Setting] = {}
    entries: dict[str, dict[str, Setting]] = {}
    problems: list[Problem] = []
    for setting, variable in origins.items():
        table, _, key = setting.partition(".")
        if any("\ud800" <= character <= "\udfff" for character in written[variable]):
            problems.append(Problem("E061", variable, "its value is not UTF-8"))
        elif table in _TABLES and key:
            entries.setdefault(table, {})[key] = _TABLES[table](written[variable])
        elif setting in known and table not in _TABLES:
            settings[setting] = _value(written[variable], known[setting])
        else:
            problems += _unknown(variable, known)
    used = settings.keys() | {f"{table}.{key}" for table, set_here in entries.items() for key in set_here}
    return Variables(settings, entries, {name: origins[name] for name in origins if name in used}, tuple(problems))


def _setting_of(variable: str) -> str:
    if variable == _BASE_URL:
        return "api.base_url"
    return variable.removeprefix(_PREFIX).lower().replace("__", ".")


def _value(text: str, default: object) -> Setting:
    """The value that a variable's text stands for, as far as its setting is no text or number: these come as text."""
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(default, tuple):
        return text.split(os.pathsep)
    return text


def _field_value(text: str) -> Setting:
    """A number or a truth value where TOML would read one, else the text."""
    try:
        value = parse_toml(f"value = {text}")["value"] if "\n" not in text else text
    except TomlError:
        return text
    return value if isinstance(value, int | float) else text


def _unknown(variable: str, known: Mapping[str, object]) -> Iterator[Problem]:
    """What is wrong with a variable that sets nothing; its value may be a key, and is not shown."""
    names = {variable_of(name).removeprefix(_PREFIX): variable_of(name) for name in known if name not in _TABLES}
    if variable.removeprefix(_PREFIX).lower() in _TABLES:
        yield Problem("E061", variable, f"no setting has this name; write {variable}__NAME for one entry of the table")
        return
    near = nearest(variable.removeprefix(_PREFIX), names)
    if near or "__" in variable:
        advice = f"did you mean {names[near[0]]}?" if near else "docs/settings.md lists them all"
        yield Problem("E061", variable, f"no setting has this name; {advice}")


# Settings that are tables of the user's own keys: how a variable's text becomes the value of one.
_TABLES: Mapping[str, Callable[[str], Setting]] = {"columns": str, "defaults": _field_value}
