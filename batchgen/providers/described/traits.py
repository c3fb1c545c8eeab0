"""What is true of a service that is described: its name and its variable are the user's."""

from __future__ import annotations

from batchgen.config.settings import ProviderSettings
from batchgen.core.errors import UsageError
from batchgen.providers.traits import Traits, remedies


def traits_of(settings: ProviderSettings) -> Traits:
    """Return the traits of a service. Raises UsageError for one without an address, or a path."""
    name = settings.name
    if settings.base_url is None:
        raise UsageError(f"providers.{name}: the kind http needs `base_url`, where the service is.")
    if settings.wire.path is None:
        where = f"below [providers.{name}.wire]"
        raise UsageError(f'providers.{name}: the kind http needs `path` {where}, as in path = "/v1/images".')
    variable = settings.key_variable or f"{name.upper().replace('-', '_')}_API_KEY"
    return Traits(
        service=name,
        base_url="",  # it has no public address
        key_variables=(variable,),
        remedies=remedies(
            f"Check the key in {variable} and how it is sent (key_header, key_scheme)",
            "Top up the account",
            "See what the service says of your account",
        ),
        has_keyless_servers=True,
    )
