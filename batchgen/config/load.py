"""Flags over environment over configuration file over defaults -> one RunConfig, and where each value came from.

Everything is checked together and all errors are said at once, each with its place. A flag or a variable
that holds for every provider also beats what a file says for one. pydantic is imported only when there is
something to check: a run on defaults alone does not wait for it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from batchgen.config.check import Mistake, check_settings
from batchgen.config.environment import read_variables
from batchgen.config.names import Setting, common_name, dotted, flatten, leaves
from batchgen.config.settings import RunConfig
from batchgen.core.errors import ConfigError
from batchgen.core.problems import Problem, SettingPlace
from batchgen.core.toml import TomlError, find_key, parse_toml, read_toml

# The origin of what no flag gives.
_PYTHON = "settings"

# An address may hold a password, and the name of a variable may be the key itself.
_NEVER_QUOTED = ("base_url", "key_variable")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration.

    origins: for each dotted setting that is not a default, who set it. path, source: the file, and its text.
    """

    config: RunConfig
    origins: Mapping[str, str]
    path: Path | None = None
    source: str = ""

    def place_of(self, *keys: str) -> SettingPlace:
        """Return who set a setting, by its keys from the outermost table down, as in ("defaults", "seed")."""
        origin = self.origins.get(dotted(keys)) or self.origins.get(keys[0])
        if origin is None and (self.path is None or not self.source):
            return SettingPlace()
        if origin not in (None, str(self.path)):
            return SettingPlace(str(origin))
        place = find_key(self.source, keys)
        return SettingPlace(str(self.path), *place) if place else SettingPlace()


def load_config(
    path: Path | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
    given: Mapping[str, Setting] = MappingProxyType({}),
    flags: Mapping[str, str] = MappingProxyType({}),
) -> Loaded:
    """Merge and check all sources.

    Args:
        path: a TOML file.
        environ: the environment, of which `read_variables` takes the settings.
        given: values by dotted setting name, None for one that was not given.
        flags: the option of the command line that gives a setting; without one it was given from Python.

    Raises:
        ConfigError: a source cannot be read, or a setting is wrong.
    """
    loaded, problems = inspect_config(path, environ, given, flags)
    if problems:
        raise ConfigError(problems)
    return loaded


def inspect_config(
    path: Path | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
    given: Mapping[str, Setting] = MappingProxyType({}),
    flags: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Loaded, list[Problem]]:
    """Return what the right settings make, and what is wrong with the others; arguments as `load_config`.

    Raises:
        ConfigError: the file cannot be read at all.
    """
    source, tree = _parse(path)
    written = _from_here(flatten(tree), path)
    variables = read_variables(environ)
    at_hand = {name: value for name, value in given.items() if value is not None}
    # A flag for all providers also beats a variable for one: --simulate must not be led elsewhere.
    above = {name: value for name, value in variables.settings.items() if common_name(name) not in at_hand} | at_hand
    keys = {dotted(keys): keys for keys in written if not {dotted(keys), common_name(dotted(keys))} & above.keys()}
    settings = {name: written[keys[name]] for name in keys} | above
    origins = dict.fromkeys(keys, str(path)) | dict(variables.origins)
    origins |= {name: flags.get(name, _PYTHON) for name in at_hand}
    for table, entries in variables.entries.items():
        if table not in at_hand:
            origins.setdefault(table, "the environment")
            settings[table] = _with_entries(settings.get(table, {}), entries)
    if not settings:
        return Loaded(RunConfig(), {}, path, source), [*variables.problems]
    config, mistakes = check_settings(settings)
    problems = [
        _in_file(mistake, path, source, keys[mistake.setting])
        if mistake.setting in keys
        else _elsewhere(mistake, origins[mistake.setting], settings[mistake.setting])
        for mistake in mistakes
    ]
    problems.sort(key=lambda item: (item.line or 0, item.column or 0))
    return Loaded(config, origins, path, source), [*variables.problems, *problems]


def rows_of(loaded: Loaded) -> Iterator[tuple[str, object, str]]:
    """Yield every setting as (dotted name, value, where it came from); those of one provider only where it has them."""
    for name, value in leaves(loaded.config):
        if value is not None or not name.startswith("providers."):
            yield name, value, loaded.origins.get(name, "default")


def _with_entries(table: Setting, entries: Mapping[str, Setting]) -> Setting:
    """A table with what variables say of its entries; what is no table is left as it is, and refused."""
    return {**table, **entries} if isinstance(table, Mapping) else table


def _parse(path: Path | None) -> tuple[str, dict[str, Setting]]:
    """The text of a configuration file, and what it says; nothing where there is no file."""
    if path is None:
        return "", {}
    try:
        source = read_toml(path)
        return source, parse_toml(source)
    except TomlError as error:
        raise ConfigError([Problem("E061", str(path), error.message, error.line, error.column)]) from error


def _from_here(written: dict[tuple[str, ...], Setting], path: Path | None) -> dict[tuple[str, ...], Setting]:
    """The settings of a file with its paths, which are relative to its own folder, made relative to ours."""
    models = written.get(("models",))
    if path is None or not isinstance(models, list):
        return written
    is_here = path.parent == Path()
    return written | {
        ("models",): [str(path.parent / name) if isinstance(name, str) and not is_here else name for name in models]
    }


def _in_file(mistake: Mistake, path: Path | None, source: str, keys: tuple[str, ...]) -> Problem:
    place = find_key(source, (*keys, *mistake.below)) or (None, None)
    return Problem("E061", str(path), f"{_shown(mistake)}: {mistake.message}", *place)


def _elsewhere(mistake: Mistake, origin: str, value: Setting) -> Problem:
    """A mistake of a flag or variable, which is named, and not the path of its setting; or one from Python."""
    is_quoted = not mistake.below and mistake.setting.rpartition(".")[2] not in _NEVER_QUOTED
    said = [_shown(mistake)] if origin == _PYTHON else []
    said += [reprlib.repr(value)] if is_quoted else []
    return Problem("E061", origin, ": ".join(filter(None, (" = ".join(said), mistake.message))))


def _shown(mistake: Mistake) -> str:
    name = ".".join((mistake.setting, *mistake.below))
    return name if name.isprintable() and name else repr(name)
