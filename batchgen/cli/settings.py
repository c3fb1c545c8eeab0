"""What the flags of a command say, as settings of the configuration."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from batchgen.config.load import Loaded, load_config

# Option of the command line -> dotted setting.
_FLAGS = {
    "model": "model",
    "base_url": "api.base_url",
    "rpm": "limits.requests_per_minute",
    "ipm": "limits.images_per_minute",
    "concurrency": "limits.concurrency",
    "max_cost": "limits.max_cost_usd",
    "allow_failures": "allow_failures",
    "preflight": "preflight",
}


def load_settings(options: Namespace) -> Loaded:
    """Load the configuration for a command. Raises ConfigError."""
    path = Path(options.config) if options.config else None
    flags = {setting: getattr(options, option, None) for option, setting in _FLAGS.items()}
    return load_config(path, os.environ, flags)
