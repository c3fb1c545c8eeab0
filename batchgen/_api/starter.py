"""A first manifest and a first configuration: small, valid, and to be changed. Nothing is ever overwritten."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from types import MappingProxyType

from batchgen._api.disk import disk_errors
from batchgen.core.errors import UsageError

MANIFEST_NAME = "prompts.csv"
CONFIG_NAME = "batchgen.toml"

_MANIFEST = """\
id,prompt,aspect_ratio,seed,category
lighthouse,"A lighthouse on a basalt cliff at blue hour, long exposure",16:9,7,coast
paper-fox,"A fox folded from orange paper, among paper ferns",1:1,8,animals
teapot,A green teapot on a windowsill in morning light,,,objects
"""

_CONFIG = """\
# Settings of `batchgen run` (-c batchgen.toml). A flag or a variable such as BATCHGEN_LIMITS__CONCURRENCY beats them.
# What starts with "# " and a name is off; `batchgen run --show-config` prints all settings.
# The API key stands in no file: export AIMLAPI_API_KEY=...

# The model for rows that name none in a column `model`.
model = "imagen-3.0-generate-002"

# How many images may be missing at the end for exit code 0: a number like "12", or a share like "1%".
allow_failures = "0"

# Used where a manifest's cell is empty, or its column is missing.
[defaults]
aspect_ratio = "1:1"

[limits]
# At most so many requests in any 60 seconds.
requests_per_minute = 20
# At most so many requests at once.
concurrency = 8
# The most that one run may spend, in US dollars. What is in flight counts before it is charged.
# max_cost_usd = 5

[retry]
# How often one request is tried in one run when the service has trouble.
max_attempts = 5
"""

_FILES = MappingProxyType({MANIFEST_NAME: _MANIFEST, CONFIG_NAME: _CONFIG})


def write_starter(folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Write a manifest and a configuration into a folder, which is made if it does not exist; return their paths.

    Raises:
        UsageError: one of the two is there already; nothing was written.
        DatasetError: the folder cannot be written.
    """
    files = {Path(folder) / name: text for name, text in _FILES.items()}
    for path in files:
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already, and nothing is overwritten: give another folder.")
    with disk_errors(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    return tuple(files)
