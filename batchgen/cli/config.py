"""What the flags of a command echo, as settings of the configuration."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from batchgen.cli.output import warn
from batchgen.config.load import Loaded, inspect_config, load_config
from batchgen.config.settings import RunConfig
from batchgen.core.problems import Problem

# Option of the command line -> dotted setting.
_FLAGS = {
    "--model": "model",
    "--base-url": "api.base_url",
    "--rpm": "limits.requests_per_minute",
    "--ipm": "limits.images_per_minute",
    "--concurrency": "limits.concurrency",
    "--max-cost": "limits.max_cost_usd",
    "--allow-failures": "allow_failures",
    "--no-preflight": "preflight",
    "--no-gallery": "gallery",
}


def load_settings(options: Namespace) -> Loaded:
    """Load the configuration for a command. Raises ConfigError."""
    return load_config(*_sources(options))


def inspect_settings(options: Namespace) -> tuple[Loaded, list[Problem]]:
    """Return the configuration that the right settings make, and what is wrong with the others. Raises ConfigError."""
    return inspect_config(*_sources(options))


def warn_of_clear_text(config: RunConfig) -> None:
    """Tell a user whose key is about to cross the internet without encryption. Raises BatchgenError for a bad URL."""
    from batchgen.providers.http.ssrf import is_in_the_clear  # `check` sends no key, and needs no network code
    from batchgen.providers.http.url import parse_base_url

    url = parse_base_url(config.api.base_url)
    if is_in_the_clear(url.scheme, url.host or ""):
        warn(f"Warning: {url.host} is spoken to over http: anyone on the way can read your API key. Use https.")


def _sources(options: Namespace) -> tuple[Path | None, Mapping[str, str], dict[str, object], dict[str, str]]:
    path = Path(options.config) if options.config else None
    given = {setting: getattr(options, _attribute(flag), None) for flag, setting in _FLAGS.items()}
    return path, os.environ, given, {setting: flag for flag, setting in _FLAGS.items()}


def _attribute(flag: str) -> str:
    """Where argparse keeps what an option said."""
    return flag.removeprefix("--").removeprefix("no-").replace("-", "_")
