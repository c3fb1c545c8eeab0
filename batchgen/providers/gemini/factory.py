"""Makes the provider of the Gemini API: its wire over the common HTTP transport."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.api_key import ApiKey
from batchgen.providers.gemini.traits import TRAITS
from batchgen.providers.gemini.wire import GeminiWire
from batchgen.providers.http.provider import HttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.registry import ProviderFactory


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> HttpProvider:
    return HttpProvider(GeminiWire(settings, models), settings, key)


FACTORY = ProviderFactory(lambda _: TRAITS, GeminiWire, _open)
