"""Flags over environment over configuration file over defaults -> one RunConfig, and where each value came from.

Everything is checked together and all errors are said at once, each with its place. pydantic is
imported only when there is something to check: a run on defaults alone does not wait for it.
"""

from __future__ import annotations

import re
import reprlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType

from batchgen.config.settings import RunConfig
from batchgen.core.errors import ConfigError
from batchgen.core.problems import Problem

# Environment variables that set something. The API key is not among them: it is no setting, and is never shown.
ENVIRONMENT = MappingProxyType({"BATCHGEN_BASE_URL": "api.base_url"})

Setting = object  # a value as TOML or the command line gives it, before it is checked

# A configuration is a page of text; what is larger is another file, or a device that never ends.
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration. origins: for each dotted setting that is not a default, who set it."""

    config: RunConfig
    origins: Mapping[str, str]


def load_config(
    path: Path | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
    given: Mapping[str, Setting] = MappingProxyType({}),
    flags: Mapping[str, str] = MappingProxyType({}),
) -> Loaded:
    """Merge and check all sources.

    path: a TOML file. environ: see ENVIRONMENT. given: values by dotted setting name, None for one that was not given.
    flags: the option of the command line that gives a setting; without one it was given from Python.
    Raises ConfigError.
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
    """Do as `load_config`, but return what is wrong, beside the configuration that the right settings make.

    Raises ConfigError if the file cannot be read at all.
    """
    source = _read(path) if path is not None else ""
    in_file = _flatten(_parse(path, source)) if path is not None else {}
    variables = {name: variable for variable, name in ENVIRONMENT.items() if environ.get(variable)}
    at_hand = {name: value for name, value in given.items() if value is not None}
    settings = in_file | {name: environ[variable] for name, variable in variables.items()} | at_hand
    origins = dict.fromkeys(in_file, str(path)) | variables | {name: flags.get(name, "settings") for name in at_hand}
    if not settings:
        return Loaded(RunConfig(), origins), []
    config, problems = _validate(settings, origins, path, source)
    return Loaded(config, origins), problems


def rows_of(loaded: Loaded) -> Iterator[tuple[str, object, str]]:
    """Yield every setting as (dotted name, value, where it came from)."""
    for name, value in _leaves(loaded.config, ""):
        yield name, value, loaded.origins.get(name, "default")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise ConfigError(
                [Problem("E061", str(path), f"is no configuration: it has more than {_MAX_FILE_BYTES} bytes")]
            )
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([Problem("E061", str(path), f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem("E061", str(path), f"is not UTF-8: byte {error.start} is wrong")]) from error


def _parse(path: Path, source: str) -> dict[str, Setting]:
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: a number may be too long for Python
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (None, None)
        message = "is not valid TOML: " + (str(error)[: place.start()] if place else str(error))
        raise ConfigError([Problem("E061", str(path), message, line, column)]) from error


def _flatten(tree: Mapping[str, Setting]) -> dict[str, Setting]:
    """Settings by dotted name. Sections are one deep, and `defaults` is one setting."""
    flat: dict[str, Setting] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and key != "defaults":
            flat |= {f"{key}.{name}": setting for name, setting in value.items()}
        else:
            flat[key] = value
    return flat


def _validate(
    settings: Mapping[str, Setting], origins: Mapping[str, str], path: Path | None, source: str
) -> tuple[RunConfig, list[Problem]]:
    from pydantic import TypeAdapter, ValidationError  # costs 0.1 s: only with something to check

    def problem(name: str, message: str) -> Problem:
        origin = origins.get(name, origins.get(name.partition(".")[0], str(path)))
        if origin == str(path):
            return Problem("E061", origin, f"{_shown(name)}: {message}", *_find(source, name))
        # An address may hold a password.
        value = f" = {reprlib.repr(settings[name])}" if name in settings and name != "api.base_url" else ""
        return Problem("E061", origin, f"{_shown(name)}{value}: {message}")

    defaults = dict(_leaves(RunConfig(), ""))
    mistakes = {name: _suggest(name, list(defaults)) for name in settings if name not in defaults}
    tree: dict[str, Setting] = {}
    for name in defaults.keys() & settings.keys():
        if isinstance(settings[name], bool) is not isinstance(defaults[name], bool):
            mistakes[name] = _KIND_ADVICE[isinstance(defaults[name], bool)]
            continue
        *sections, key = name.split(".")
        section = tree
        for part in sections:
            section = section.setdefault(part, {})  # type: ignore[assignment]
        section[key] = settings[name]
    try:
        config = TypeAdapter(RunConfig).validate_python(tree)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            name = next(known for known in defaults if _is_below(known, error["loc"]))
            if name == "defaults" and len(error["loc"]) > 1:
                name = f"defaults.{error['loc'][1]}"
            mistakes.setdefault(name, _explain(name, error["msg"]))  # of a union, one word is enough
    if not mistakes:
        return config, []
    problems = [problem(name, message) for name, message in mistakes.items()]
    at_fault = {"defaults" if name.startswith("defaults.") else name for name in mistakes}
    right = {name: value for name, value in settings.items() if name not in at_fault}
    in_order = sorted(problems, key=lambda item: (item.line or 0, item.column or 0))
    return _validate(right, origins, path, source)[0], in_order


# By whether the setting is a switch. Python takes True for 1, and a user who writes it means something else.
_KIND_ADVICE = {True: "write true or false, without quotes", False: "true and false have no meaning here"}


def _explain(name: str, message: str) -> str:
    if "_holds_no_password" in message:
        return "holds a user name or password, or another @; the key comes from the environment alone"
    if "_is_address" in message:
        return "is neither http nor https, or holds a ? or #; it looks like https://api.aimlapi.com"
    if name == "allow_failures":
        return 'write a number of images like "12", or a share like "5%", in quotes'
    if name.startswith("defaults."):
        return "write a text, a number, true or false"
    words = message[0].lower() + message[1:]
    return words.replace("tuple", "list").replace("dictionary", "table")  # TOML's words, not Python's


def _shown(name: str) -> str:
    return name if name.isprintable() and name else repr(name)


def _is_below(name: str, location: tuple[int | str, ...]) -> bool:
    """Whether a validation error is about a setting; its location may go on into a collection or a union."""
    parts = tuple(name.split("."))
    return location[: len(parts)] == parts


def _suggest(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # only a typo needs it

    if any(other.startswith(f"{name}.") for other in known):
        return f"this is a section: write [{name}] and its settings below"
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]}?" if near else "`batchgen run --show-config` lists them all"
    return f"no setting has this name; {advice}"


def _find(source: str, name: str) -> tuple[int | None, int | None]:
    """Where a setting stands in a TOML file, for the message; (None, None) if it is written in an unusual way."""
    table = ""
    for number, line in enumerate(source.splitlines(), start=1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = _unquoted(header[1]) + "."
        elif (assigned := re.match(r"\s*([^\s=#][^=#]*?)\s*=", line)) and _holds(table + _unquoted(assigned[1]), name):
            return number, assigned.start(1) + 1
    return None, None


def _unquoted(key: str) -> str:
    return re.sub(r"""[\s"']""", "", key)


def _holds(assigned: str, name: str) -> bool:
    """Whether an assignment is that of a setting, or of an inline table that holds it."""
    return assigned == name or name.startswith(f"{assigned}.")


def _leaves(settings: object, prefix: str) -> Iterator[tuple[str, object]]:
    if not is_dataclass(settings):
        return
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            yield from _leaves(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value
