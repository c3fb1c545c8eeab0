"""Makes the provider of ComfyUI: its wire over the common HTTP transport."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.api_key import ApiKey
from batchgen.providers.comfyui.traits import TRAITS
from batchgen.providers.comfyui.wire import ComfyWire, own_ticket
from batchgen.providers.http.provider import JobHttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.registry import ProviderFactory


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> JobHttpProvider:
    return JobHttpProvider(ComfyWire(settings, models), settings, key, own_ticket)


FACTORY = ProviderFactory(lambda _: TRAITS, ComfyWire, _open)
