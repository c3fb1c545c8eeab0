"""TOML files -> a catalog of models that can be trusted.

Whatever is wrong with a file is said with the file, the key and what to write instead; a key that
nobody reads is refused, since it is most likely a typo of one that matters.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from batchgen.catalog.model import Field, Model, inconsistencies
from batchgen.core.errors import CatalogError

_SHIPPED = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models a run may use. `names` leads from every name and alias to its model."""

    models: tuple[Model, ...]
    names: Mapping[str, Model]

    def find(self, name: str) -> Model:
        """Return the model of this name or alias.

        Raises:
            CatalogError: nobody knows the name; the message gives the nearest ones.
        """
        model = self.names.get(name)
        if model is None:
            raise CatalogError(f"unknown model {name[:100]!r}{self._suggestion(name)}")
        return model

    def fields_named(self, name: str) -> list[Field]:
        """Return the field of this name of every model that has one."""
        return [model.fields[name] for model in self.models if name in model.fields]

    def _suggestion(self, name: str) -> str:
        from difflib import get_close_matches  # only a typo needs it

        near = get_close_matches(name, self.names, n=3, cutoff=0.5)
        if near:
            return f"; did you mean {' or '.join(map(repr, near))}?"
        return f"; known models: {', '.join(model.name for model in self.models)}"


def load_catalog(user_files: Sequence[Path] = ()) -> Catalog:
    """Read the shipped models, then the user's: a file whose `name` is known replaces that model whole.

    Raises:
        CatalogError: a file cannot be read, has an unknown or wrong key, contradicts itself, or
            claims a name that belongs to another model.
    """
    models: dict[str, Model] = {}
    origins: dict[str, Path] = {}
    for path in [*sorted(_SHIPPED.glob("*.toml")), *user_files]:
        model = _read_model(path)
        models[model.name] = model
        origins[model.name] = path
    names: dict[str, Model] = {}
    for model in models.values():
        for name in (model.name, *model.aliases):
            if name in names:
                raise CatalogError(f"{origins[model.name]}: aliases: {name!r} already stands for {names[name].name}")
            names[name] = model
    return Catalog(tuple(models.values()), names)


def _read_model(path: Path) -> Model:
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror}") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # TOMLDecodeError, bytes that are no text, a number too long for Python
        raise CatalogError(f"{ascii(str(path))[1:-1]}: is not valid TOML: {error}") from error
    try:
        model = msgspec.convert(content, Model, builtin_types=(datetime.date,))
    except msgspec.ValidationError as error:
        raise CatalogError(f"{path}: {_explain(error, content)}") from error
    found = inconsistencies(model)
    if found:
        raise CatalogError("\n".join(f"{path}: {text}" for text in found))
    return model


def _explain(error: msgspec.ValidationError, content: dict[str, object]) -> str:
    """Say `key: what is wrong`; msgspec hides the name of a field behind `[...]`, so look for it."""
    fields = content.get("fields")
    for name, field in fields.items() if isinstance(fields, dict) else ():
        try:
            msgspec.convert(field, Field)
        except msgspec.ValidationError as in_field:
            return _with_key(in_field, f"fields.{name}")
    return _with_key(error, "")


def _with_key(error: msgspec.ValidationError, prefix: str) -> str:
    text, _, place = str(error).partition(" - at ")
    keys = [prefix, place.strip("`").removeprefix("$").replace("[...]", "").strip(".")]
    return f"{'.'.join(filter(None, keys)) or 'the file'}: {text}{_advice(text, prefix)}"


def _advice(text: str, prefix: str) -> str:
    """What may stand there instead."""
    if "unknown field" in text:
        return f"; known are {', '.join((Field if prefix else Model).__struct_fields__)}"
    return "; the types are string, integer, number and boolean" if "enum value" in text and prefix else ""
