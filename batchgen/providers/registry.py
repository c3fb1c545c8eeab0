"""Providers by name: the built-in ones, and those of packages that offer an entry point in `batchgen.providers`.

An entry point is named as the provider is in the catalog, and leads to a `ProviderFactory`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points

from batchgen.catalog import Catalog, Model
from batchgen.config.settings import ProviderSettings, RunConfig
from batchgen.config.wire import WireSettings
from batchgen.core.errors import BatchgenError, UsageError
from batchgen.core.suggest import did_you_mean
from batchgen.providers.api_key import ApiKey
from batchgen.providers.base import Provider, Wire
from batchgen.providers.http.request_body import Models
from batchgen.providers.traits import Traits

ENTRY_POINTS = "batchgen.providers"
# Where the factories of the built-in ones are; only those that a run asks are loaded.
_BUILT_IN = {
    "aimlapi": "batchgen.providers.aimlapi.factory",
    "openai": "batchgen.providers.openai.factory",
    "gemini": "batchgen.providers.gemini.factory",
    "fal": "batchgen.providers.fal.factory",
    "replicate": "batchgen.providers.replicate.factory",
    "bfl": "batchgen.providers.bfl.factory",
    "comfyui": "batchgen.providers.comfyui.factory",
    "http": "batchgen.providers.described.factory",
    "function": "batchgen.providers.function.factory",
}


@dataclass(frozen=True, slots=True)
class ProviderFactory:
    """How to make a provider.

    Attributes:
        traits: what is true of the service; known without an account.
        wire: makes its wire format from the settings and the provider's models; `--show-request` needs no more.
        open: makes the provider, inside a running event loop.
    """

    traits: Callable[[ProviderSettings], Traits]
    wire: Callable[[ProviderSettings, Models], Wire]
    open: Callable[[ProviderSettings, ApiKey, Models], Provider]


def find_factory(settings: ProviderSettings) -> ProviderFactory:
    """Return the factory of a provider. Raises UsageError for a name, or a kind, that no provider has."""
    name = settings.kind or settings.name
    if name in _BUILT_IN:
        built_in: ProviderFactory = import_module(_BUILT_IN[name]).FACTORY
        return built_in
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        names = [*_BUILT_IN, *sorted(found)]
        hint = did_you_mean(name, names) or f"known are {', '.join(names)}"
        raise UsageError(f"The provider {name!r} is not known; {hint}.")
    factory = found[name].load()
    if not isinstance(factory, ProviderFactory):
        raise UsageError(f"The provider {name!r} comes from {found[name].value}, which is no ProviderFactory.")
    return factory


def key_variables(settings: ProviderSettings, traits: Traits) -> tuple[str, ...]:
    """Return the environment variables that hold a provider's key: the configured one, or the provider's own."""
    return (settings.key_variable,) if settings.key_variable else traits.key_variables


def models_of(catalog: Catalog, settings: ProviderSettings) -> dict[str, Model]:
    """Return the provider's models by name."""
    return {model.name: model for model in catalog.models if model.provider == settings.name}


def check_providers(names: Collection[str], config: RunConfig) -> None:
    """Check that each provider is known and its address can be one. Raises UsageError."""
    from batchgen.providers.http.url import parse_base_url  # a plan has no other use for the network's modules

    for name in names:
        settings = config.provider(name)
        traits = find_factory(settings).traits(settings)
        if settings.wire != WireSettings() and settings.kind != "http":
            raise UsageError(f'[providers.{name}.wire] is for `kind = "http"`; write that too, or leave it out.')
        try:
            parse_base_url(settings.base_url or traits.base_url)
        except BatchgenError as error:
            raise UsageError(f"providers.{name}: {error}" if len(names) > 1 else str(error)) from error
