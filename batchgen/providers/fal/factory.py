"""Makes the provider of fal: its wire over the common HTTP transport."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.api_key import ApiKey
from batchgen.providers.fal.traits import TRAITS
from batchgen.providers.fal.wire import FalWire
from batchgen.providers.http.provider import ListingHttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.registry import ProviderFactory


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> ListingHttpProvider:
    return ListingHttpProvider(FalWire(settings, models), settings, key)


FACTORY = ProviderFactory(lambda _: TRAITS, FalWire, _open)
