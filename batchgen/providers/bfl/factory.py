"""Makes the provider of Black Forest Labs: its wire over the common HTTP transport."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.api_key import ApiKey
from batchgen.providers.bfl.traits import TRAITS
from batchgen.providers.bfl.wire import BflWire
from batchgen.providers.http.provider import JobHttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.registry import ProviderFactory


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> JobHttpProvider:
    return JobHttpProvider(BflWire(settings, models), settings, key)


FACTORY = ProviderFactory(lambda _: TRAITS, BflWire, _open)
