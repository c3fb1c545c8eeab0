"""Which image is approved for each row, as a lock file says it."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

from batchgen.core.errors import ConfigError
from batchgen.core.problems import Problem
from batchgen.core.toml import TomlError, find_key, parse_toml, read_toml

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_approved(lock: str | PathLike[str]) -> dict[str, str]:
    """Return the hash of the approved image by row id. Raises ConfigError: the file is no lock."""
    path = Path(lock)
    try:
        source = read_toml(path)
        entries = parse_toml(source)
    except TomlError as error:
        raise ConfigError([Problem("E061", str(path), error.message, error.line, error.column)]) from error
    approved: dict[str, str] = {}
    for row_id, entry in entries.items():
        image = entry.get("image") if isinstance(entry, dict) else None
        if isinstance(image, str) and _SHA256.fullmatch(image):
            approved[row_id] = image
        elif row_id != "version":
            place = find_key(source, [row_id]) or (None, None)
            raise ConfigError([Problem("E061", str(path), f"{row_id} has no image, which is a SHA-256", *place)])
    return approved
