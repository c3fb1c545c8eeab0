"""What is true of OpenAI, and of a server that speaks like it. From OpenAI's documentation."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.providers.traits import Traits, remedies


def traits_of(settings: ProviderSettings) -> Traits:
    """Return OpenAI's traits, or those of a server of the user's own that is configured to speak like it."""
    if settings.kind is None:
        return _traits("OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY")
    variable = settings.key_variable or f"{settings.name.upper().replace('-', '_')}_API_KEY"
    return _traits(settings.name, "", variable)  # it has no public address


def _traits(service: str, base_url: str, variable: str) -> Traits:
    return Traits(
        service=service,
        base_url=base_url,
        key_variables=(variable,),
        remedies=remedies(
            f"Check the key in {variable} and what it may do",
            "Top up the account or raise its limit",
            "See what your account says about it (is it verified for images?)",
        ),
        has_keyless_servers=True,
    )
