"""A provider of AI/ML API for tests, with a made-up key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batchgen.config.settings import HttpSettings, ProviderSettings, RateSettings
from batchgen.providers.aimlapi.factory import FACTORY
from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.api_key import ApiKey
from batchgen.providers.http.provider import HttpProvider


def api_key(secret: str) -> ApiKey:
    """A key as the environment would give it."""
    return ApiKey(secret, TRAITS.key_variables[0], TRAITS.service)


def open_aimlapi(base_url: str, secret: str = "key", concurrency: int = 1, **http: Any) -> HttpProvider:  # noqa: S107
    """An open account; `http` overrides settings of `HttpSettings` by name."""
    settings = ProviderSettings(
        "aimlapi",
        None,
        base_url,
        None,
        "base64",
        replace(HttpSettings(), **http),
        RateSettings(concurrency=concurrency),
    )
    provider = FACTORY.open(settings, api_key(secret), {})
    assert isinstance(provider, HttpProvider)
    return provider
