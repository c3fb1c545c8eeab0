"""Makes the provider of OpenAI, or of a server that speaks like it: its wire over the common HTTP transport."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.api_key import ApiKey
from batchgen.providers.http.provider import HttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.openai.traits import traits_of
from batchgen.providers.openai.wire import OpenaiWire
from batchgen.providers.registry import ProviderFactory


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> HttpProvider:
    return HttpProvider(OpenaiWire(settings, models), settings, key)


FACTORY = ProviderFactory(traits_of, OpenaiWire, _open)
