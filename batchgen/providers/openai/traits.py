"""What is true of OpenAI, and of a server that speaks like it. From OpenAI's documentation."""

from __future__ import annotations

from types import MappingProxyType

from batchgen.config.settings import ProviderSettings
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.traits import Traits

_AGAIN = "then type the same command again."


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
        remedies=MappingProxyType(
            {
                ErrorKind.BAD_KEY: f"Check the key in {variable} and what it may do, {_AGAIN}",
                ErrorKind.NO_CREDITS: f"Top up the account or raise its limit, {_AGAIN}",
                ErrorKind.ACCOUNT: f"See what your account says about it (is it verified for images?), {_AGAIN}",
                ErrorKind.QUOTA: "When the quota is renewed, type the same command again.",
                ErrorKind.UNEXPLAINED: f"Check the key, the model and the base URL, {_AGAIN}",
                ErrorKind.NOT_FOUND: f"Check the model's name, whether it is retired, and the base URL, {_AGAIN}",
            }
        ),
        has_keyless_servers=True,
    )
