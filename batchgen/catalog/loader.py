"""TOML files -> a catalog of models that can be trusted.

Whatever is wrong with a file is said with the file, the key and what to write instead; a key that
nobody reads is refused, since it is most likely a typo of one that matters. A file may extend a model:
what it does not state comes from there.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from batchgen.catalog.catalog import Catalog, make_catalog
from batchgen.catalog.model import Model, inconsistencies
from batchgen.catalog.workflow import read_workflow
from batchgen.core.errors import CatalogError
from batchgen.core.suggest import did_you_mean
from batchgen.core.toml import TomlError, parse_toml, read_toml

_SHIPPED = Path(__file__).parent / "models"

# What is a model's own, and does not come from the one that it extends.
_OWN_KEYS = frozenset({"name", "aliases", "retired", "successor"})


def load_catalog(user_files: Sequence[Path] = ()) -> Catalog:
    """Read the shipped models, then the user's: a file whose provider and `name` are known replaces that model whole.

    Raises:
        CatalogError: a file cannot be read, has an unknown or wrong key, contradicts itself, extends no known model,
            or claims a name that belongs to another model.
    """
    files = _Files([*_shipped(), *map(_read, user_files)])
    return make_catalog([(file.path, files.model(file)) for file in files.files])


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """A catalog file as it was written, without its key `extends`. The types of its values are not checked yet."""

    path: Path
    content: Mapping[str, Any]
    extends: object = None

    @property
    def names(self) -> set[str]:
        """What another file may write to extend this one."""
        name, aliases, provider = (self.content.get(key) for key in ("name", "aliases", "provider"))
        names = [item for item in (name, *(aliases if isinstance(aliases, list) else ())) if isinstance(item, str)]
        return {*names, *(f"{provider}/{item}" for item in names if isinstance(provider, str))}


@dataclass(slots=True)
class _Files:
    """All files of a catalog, in the order in which later ones replace earlier ones."""

    files: Sequence[_File]
    _whole: dict[_File, Mapping[str, Any]] = field(default_factory=dict)

    def model(self, file: _File) -> Model:
        """The model of a file. Raises CatalogError."""
        content = self._content(file, ())
        try:
            model = msgspec.convert(content, Model, builtin_types=(datetime.date,))
        except msgspec.ValidationError as error:
            from batchgen.catalog.mistakes import mistakes  # only a mistake needs it

            found = list(mistakes(content, Model, ("extends",))) or [str(error)]
            raise _error(file, *found) from error
        if found := inconsistencies(model):
            raise _error(file, *found)
        return model

    def _content(self, file: _File, extending: tuple[_File, ...]) -> Mapping[str, Any]:
        """What a file says, with all that comes from the models it extends. extending: the files that ask for it."""
        if file.extends is None:
            return file.content
        if file in extending:
            raise _error(file, f"extends: a model cannot extend itself ({' -> '.join(map(_name, (*extending, file)))})")
        if file not in self._whole:
            extended = self._extended(file)
            base = self._content(extended, (*extending, file))
            self.model(extended)  # a mistake of its own is said with its own file
            self._whole[file] = _merge(base, file.content)
        return self._whole[file]

    def _extended(self, file: _File) -> _File:
        """The file that another extends: the nearest before it, since that may replace an earlier one, or after it."""
        if not isinstance(file.extends, str):
            raise _error(file, "extends: must be the name of a model, as text")
        here = self.files.index(file)
        for other in (*reversed(self.files[:here]), *self.files[here:]):
            if file.extends in other.names:
                return other
        known = sorted(name for other in self.files for name in other.names if other is not file)
        advice = did_you_mean(file.extends, known)
        message = f"extends: no catalog file has a model of the name {file.extends[:100]!r}"
        raise _error(file, f"{message}; {advice}" if advice else message)


def _merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """A file's own keys, each whole, before those of the model that it extends; `fields` are taken one by one."""
    merged = {key: value for key, value in base.items() if key not in _OWN_KEYS} | dict(own)
    fields = base.get("fields"), own.get("fields")
    if isinstance(fields[0], Mapping) and isinstance(fields[1], Mapping):
        merged["fields"] = {**fields[0], **fields[1]}
    return merged


@cache
def _shipped() -> tuple[_File, ...]:
    """The files of the package: they change with its version, and so not while a program runs."""
    return tuple(_read(path) for path in sorted(_SHIPPED.glob("*.toml")))


def _read(path: Path) -> _File:
    try:
        content = parse_toml(read_toml(path))
    except TomlError as error:
        place = f":{error.line}:{error.column}" if error.line is not None else ""
        raise CatalogError(f"{path}{place}: {error.message}") from error
    if isinstance(workflow := content.get("workflow"), str):
        try:
            content["workflow"] = msgspec.structs.asdict(read_workflow(path.parent / workflow))
        except ValueError as error:
            raise CatalogError(f"{path}: workflow: {path.parent / workflow} {error}") from error
    extends = content.pop("extends", None)
    return _File(path, content, extends)


def _name(file: _File) -> str:
    return str(file.content.get("name", file.path.name))


def _error(file: _File, *found: str) -> CatalogError:
    return CatalogError("\n".join(f"{file.path}: {text}" for text in found))
