"""What the options of a command say, as settings of the configuration."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from types import MappingProxyType

from batchgen._api.settings import SIMULATED, Loaded, clear_text_host, proxy_of
from batchgen._api.settings import load_settings as load
from batchgen._api.starter import CONFIG_NAME
from batchgen.cli.output import warn

# Option of the command line -> dotted setting.
_SETTINGS = {
    "--model": "model",
    "--base-url": "api.base_url",
    "--rpm": "limits.requests_per_minute",
    "--ipm": "limits.images_per_minute",
    "--concurrency": "limits.concurrency",
    "--max-cost": "limits.max_cost_usd",
    "--max-total": "limits.max_total_usd",
    "--allow-failures": "allow_failures",
    "--no-preflight": "preflight",
    "--no-gallery": "gallery",
    "--columns": "columns",
    "--sheet": "sheet",
}

# The option that gives a setting, for messages about it.
FLAGS = MappingProxyType({setting: flag for flag, setting in _SETTINGS.items()})


def settings_of(options: Namespace) -> dict[str, object]:
    """Return what the options set, by dotted name; None for an option that was not given."""
    return {setting: getattr(options, _attribute(flag), None) for flag, setting in _SETTINGS.items()}


def load_settings(options: Namespace) -> Loaded:
    """Load the configuration for a command. Raises ConfigError."""
    simulated: dict[str, str] = getattr(options, "simulated", {})  # addresses of simulators, by setting
    flags = {**FLAGS, **dict.fromkeys(simulated, SIMULATED)}
    return load(options.config, {**settings_of(options), **simulated}, flags)


def warn_of_unread_file(options: Namespace) -> None:
    """Tell of a configuration file that lies here and was not asked for: its budget does not hold."""
    if options.config is None and Path(CONFIG_NAME).is_file():
        warn(f"{CONFIG_NAME} lies here and is not read; `-c {CONFIG_NAME}` reads it.")


def warn_of_the_way(loaded: Loaded) -> None:
    """Tell of a proxy, and that the key is about to cross the internet without encryption.

    Raises UsageError for a bad URL or proxy.
    """
    if proxy := proxy_of(loaded):
        warn(f"Through the proxy {proxy}, as the environment says; so are links, and where they lead is its to check.")
    host = clear_text_host(loaded)
    if host is not None:
        warn(f"Warning: {host} is spoken to over http: anyone on the way can read your API key. Use https.")


def _attribute(flag: str) -> str:
    """Where argparse keeps what an option said."""
    return flag.removeprefix("--").removeprefix("no-").replace("-", "_")
