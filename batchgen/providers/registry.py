"""Providers by name: the built-in ones, and those of packages that offer an entry point in `batchgen.providers`.

An entry point is named as the provider is in the catalog, and leads to a `ProviderFactory`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from batchgen.catalog import Catalog
from batchgen.config.settings import ProviderSettings, RunConfig
from batchgen.core.errors import BatchgenError, UsageError
from batchgen.core.request import Value
from batchgen.core.suggest import did_you_mean
from batchgen.providers.api_key import ApiKey
from batchgen.providers.base import Provider, Traits, Wire

ENTRY_POINTS = "batchgen.providers"

# By model, the fields that choose how its images travel, with the values that are configured.
TransportFields = Mapping[str, Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class ProviderFactory:
    """How to make a provider.

    Attributes:
        traits: what is true of the service; known without an account.
        wire: makes its wire format from the settings; `--show-request` needs no more.
        open: makes the provider, inside a running event loop.
    """

    traits: Traits
    wire: Callable[[ProviderSettings, TransportFields], Wire]
    open: Callable[[ProviderSettings, ApiKey, TransportFields], Provider]


def find_factory(name: str) -> ProviderFactory:
    """Return the factory of a provider. Raises UsageError for a name that no provider has."""
    if name == "aimlapi":
        from batchgen.providers.aimlapi.factory import FACTORY

        return FACTORY
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        names = ["aimlapi", *sorted(found)]
        hint = did_you_mean(name, names) or f"known are {', '.join(names)}"
        raise UsageError(f"The provider {name!r} is not known; {hint}.")
    factory = found[name].load()
    if not isinstance(factory, ProviderFactory):
        raise UsageError(f"The provider {name!r} comes from {found[name].value}, which is no ProviderFactory.")
    return factory


def key_variables(settings: ProviderSettings, traits: Traits) -> tuple[str, ...]:
    """Return the environment variables that hold a provider's key: the configured one, or the provider's own."""
    return (settings.key_variable,) if settings.key_variable else traits.key_variables


def transport_fields(catalog: Catalog, settings: ProviderSettings) -> dict[str, dict[str, Value]]:
    """Return for the provider's models the field that chooses how images travel, with the value that is configured."""
    by_link = settings.image_transport == "url"
    return {
        model.name: {name: choice.link if by_link else choice.base64}
        for model in catalog.models
        if model.provider == settings.name
        for name, choice in filter(None, [model.transport])
    }


def check_providers(names: Collection[str], config: RunConfig) -> None:
    """Check that each provider is known and its address can be one. Raises UsageError."""
    from batchgen.providers.http.url import parse_base_url  # a plan has no other use for the network's modules

    for name in names:
        traits = find_factory(name).traits
        try:
            parse_base_url(config.provider(name).base_url or traits.base_url)
        except BatchgenError as error:
            raise UsageError(f"providers.{name}: {error}" if len(names) > 1 else str(error)) from error
