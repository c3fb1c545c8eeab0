"""The models a run may use, found by name, by alias, or by either with the provider in front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from batchgen.catalog.field import Field
from batchgen.catalog.model import Model
from batchgen.core.errors import CatalogError
from batchgen.core.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models a run may use.

    names: from every name and alias, alone and as `provider/name`, to the models that it stands for. A name alone may
    stand for models of several providers; `provider/name` stands for that provider's, also where another one has a
    model of this very name.
    """

    models: tuple[Model, ...]
    names: Mapping[str, tuple[Model, ...]]

    def find(self, name: str) -> Model:
        """Return the model of this name or alias.

        Raises:
            CatalogError: no model has the name, and the message gives the nearest ones; or models of several
                providers have it, and the message says what to write instead.
        """
        found = self.names.get(name, ())
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(f"{model.provider}/{name}" for model in found)
            raise CatalogError(f"more than one provider has the model {name!r}; write {choices}")
        raise CatalogError(f"unknown model {name[:100]!r}; {self._suggestion(name)}")

    def of_provider(self, provider: str, model: str) -> Model:
        """Return a provider's model of this name, as requests and records have it. Raises CatalogError."""
        return self.find(f"{provider}/{model}")

    def written(self, model: Model) -> str:
        """Return how a manifest writes a model: its name, with the provider in front where it could be another one."""
        return model.name if self.names.get(model.name) == (model,) else f"{model.provider}/{model.name}"

    def fields_named(self, name: str) -> list[Field]:
        """Return the field of this name of every model that has one."""
        return [model.fields[name] for model in self.models if name in model.fields]

    def _suggestion(self, name: str) -> str:
        # `provider/name` is near to every other name of the provider; it is proposed to those who write it.
        with_provider = name.partition("/")[0] in {model.provider for model in self.models}
        known = [
            f"{model.provider}/{known}" if with_provider else known
            for model in self.models
            for known in (model.name, *model.aliases)
        ]
        near = did_you_mean(name, known, 3)
        return near or f"`batchgen models` lists the {len(self.models)} that there are"


def make_catalog(described: Iterable[tuple[Path, Model]]) -> Catalog:
    """Put models together; a later one replaces an earlier one of the same provider and name.

    Args:
        described: each model with the file that describes it.

    Raises:
        CatalogError: two models of one provider claim the same name.
    """
    models: dict[tuple[str, str], tuple[Path, Model]] = {}
    for path, model in described:
        models[model.provider, model.name] = path, model
    alone: dict[str, tuple[Model, ...]] = {}
    with_provider: dict[str, tuple[Model, ...]] = {}
    for path, model in models.values():
        for name in (model.name, *model.aliases):
            for other in alone.get(name, ()):
                if other.provider == model.provider:
                    raise CatalogError(f"{path}: aliases: {name!r} already stands for {other.name}")
            alone[name] = (*alone.get(name, ()), model)
            with_provider[f"{model.provider}/{name}"] = (model,)
    return Catalog(tuple(model for _, model in models.values()), alone | with_provider)
