"""Makes the provider of AI/ML API: its wire over the common HTTP transport, and its billing."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.aimlapi.billing import AimlapiBilling
from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.aimlapi.wire import AimlapiWire
from batchgen.providers.api_key import ApiKey
from batchgen.providers.http.provider import HttpProvider
from batchgen.providers.http.request_body import Models, RequestBodies
from batchgen.providers.registry import ProviderFactory


def _wire(settings: ProviderSettings, models: Models) -> AimlapiWire:
    return AimlapiWire(settings.http.max_image_bytes, RequestBodies(models, settings.image_transport))


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> HttpProvider:
    return HttpProvider(_wire(settings, models), settings, key, AimlapiBilling)


FACTORY = ProviderFactory(lambda _: TRAITS, _wire, _open)
