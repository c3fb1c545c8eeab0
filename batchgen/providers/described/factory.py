"""Makes the provider of a service that is described: its wire over the common HTTP transport."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.api_key import ApiKey
from batchgen.providers.described.traits import traits_of
from batchgen.providers.described.wire import DescribedWire
from batchgen.providers.http.provider import HttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.registry import ProviderFactory


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> HttpProvider:
    return HttpProvider(DescribedWire(settings, models), settings, key)


FACTORY = ProviderFactory(traits_of, DescribedWire, _open)
