"""The environment for a program that is not to have the API keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from os import PathLike

from batchgen._api.settings import catalog_of, inspect_settings
from batchgen.config.settings import RunConfig
from batchgen.core.errors import BatchgenError, UsageError
from batchgen.providers.registry import find_factory


def keyless_environment(config: str | PathLike[str] | None = None) -> dict[str, str]:
    """Return this process's environment without the variables that hold a provider's key.

    Where the configuration (a TOML file) or a model's file cannot be read, nobody knows which these are: then without
    any whose name ends in KEY.
    """
    try:
        loaded, _ = inspect_settings(config)
        names = {model.provider for model in catalog_of(loaded).models} | loaded.config.providers.keys()
        secret = {variable for name in names for variable in _key_variables(name, loaded.config)}
    except BatchgenError:
        secret = {variable for variable in os.environ if variable.endswith("KEY")}
    return {variable: value for variable, value in os.environ.items() if variable not in secret}


def _key_variables(name: str, config: RunConfig) -> Iterator[str]:
    settings = config.provider(name)
    if settings.key_variable:
        yield settings.key_variable
    try:
        yield from (
            find_factory(settings).traits(settings).key_variables
        )  # it is a secret also where another is configured
    except UsageError:
        return
