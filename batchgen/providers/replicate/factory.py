"""Makes the provider of Replicate: its wire over the common HTTP transport."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.api_key import ApiKey
from batchgen.providers.http.provider import ListingHttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.registry import ProviderFactory
from batchgen.providers.replicate.traits import TRAITS
from batchgen.providers.replicate.wire import ReplicateWire


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> ListingHttpProvider:
    return ListingHttpProvider(ReplicateWire(settings, models), settings, key)


FACTORY = ProviderFactory(lambda _: TRAITS, ReplicateWire, _open)
