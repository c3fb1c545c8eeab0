"""The configuration of a call: a TOML file, the environment, and settings that beat both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType

from batchgen.catalog import Catalog, load_catalog
from batchgen.config.load import Loaded, inspect_config, load_config
from batchgen.config.show import as_toml
from batchgen.core.problems import Problem
from batchgen.core.request import SIMULATED
from batchgen.providers.function import OWN_CODE

__all__ = [
    "SIMULATED",
    "Columns",
    "Loaded",
    "Settings",
    "as_toml",
    "catalog_of",
    "clear_text_host",
    "inspect_settings",
    "load_settings",
    "proxy_of",
    "with_columns",
    "with_own_code",
]

# Values by dotted name, as in {"limits.requests_per_minute": 60}; None stands for a setting that was not given.
Settings = Mapping[str, object]

_NONE: Settings = MappingProxyType({})
# For a name that batchgen reads the manifest's own name of the column.
Columns = Mapping[str, str]

_NO_FLAGS: Mapping[str, str] = MappingProxyType({})


def with_columns(settings: Settings | None, columns: Columns | None) -> Settings | None:
    """Return settings in which `columns` is what a call says, if it says anything."""
    return settings if columns is None else {**(settings or {}), "columns": columns}


def with_own_code(loaded: Loaded) -> Loaded:
    """Return a configuration whose model is a function of the caller's own, unless it names another model of it."""
    config = loaded.config
    named = "model" in loaded.origins
    models = (str(OWN_CODE), *config.models)
    return replace(loaded, config=replace(config, models=models, model=config.model if named else "function/own-code"))


def load_settings(
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    flags: Mapping[str, str] = _NO_FLAGS,
) -> Loaded:
    """Return the configuration of a call.

    Args:
        config: a TOML file.
        settings: values by dotted name; they beat the environment, which beats the file.
        flags: the option of the command line that gives a setting, for the messages.

    Raises:
        ConfigError: the file cannot be read, or a setting is wrong.
    """
    return load_config(None if config is None else Path(config), os.environ, settings or _NONE, flags)


def inspect_settings(
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    flags: Mapping[str, str] = _NO_FLAGS,
) -> tuple[Loaded, list[Problem]]:
    """Return what the right settings make, and what is wrong with the others; arguments as `load_settings`.

    Raises:
        ConfigError: the file cannot be read at all.
    """
    return inspect_config(None if config is None else Path(config), os.environ, settings or _NONE, flags)


def catalog_of(loaded: Loaded) -> Catalog:
    """Return the shipped models and those that the configuration names. Raises CatalogError."""
    return load_catalog([Path(path) for path in loaded.config.models])


def clear_text_host(loaded: Loaded) -> str | None:
    """Return the host to which the key would go unencrypted over a network, None if there is none.

    Raises:
        UsageError: the base URL is no URL.
    """
    from batchgen.providers.http.ssrf import is_in_the_clear  # `check` sends no key, and needs no network code
    from batchgen.providers.http.url import parse_base_url

    url = parse_base_url(loaded.config.api.base_url)
    return url.host if is_in_the_clear(url.scheme, url.host or "") else None


def proxy_of(loaded: Loaded) -> str | None:
    """Return host and port of the proxy through which the service is asked, None if there is none.

    Raises UsageError: the base URL is no URL, or the proxy is of a kind that cannot be used.
    """
    from batchgen.providers.http.url import parse_base_url
    from batchgen.providers.http.way_out import Proxies

    api = loaded.config.api
    proxy = Proxies(are_used=api.proxy).of(parse_base_url(api.base_url))
    return None if proxy is None else f"{proxy.host}:{proxy.port}"
