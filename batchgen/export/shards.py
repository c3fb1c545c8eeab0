"""How images are divided among files: in order, each as full as its limit allows."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from batchgen.core.errors import ExportError

_UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}
# Smaller shards cost an open and a seek each, larger ones are slow to shuffle and to send again.
_MIN_BYTES = 100 * 10**6
_MAX_BYTES = 10**9


def parse_size(text: str) -> int:
    """Read a shard's size such as `500MB` or `1GB`; return bytes. Raises ExportError."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([A-Za-z]{2,3})", text)
    unit = _UNITS.get(found[2].upper()) if found else None
    if found is None or unit is None:
        raise ExportError(f"--shard-size {text}: write a number and a unit, as in 500MB or 1GB")
    size = int(float(found[1]) * unit)
    if not _MIN_BYTES <= size <= _MAX_BYTES:
        raise ExportError(f"--shard-size {text}: a shard has 100MB to 1GB")
    return size


def divide(sizes: npt.NDArray[np.int64], limit_bytes: int) -> list[npt.NDArray[np.int64]]:
    """Return the indexes of each shard: consecutive, and none above the limit unless one image is."""
    starts, filled = [0], 0
    for index, size in enumerate(sizes.tolist()):
        if index > starts[-1] and filled + size > limit_bytes:
            starts.append(index)
            filled = 0
        filled += size
    return np.split(np.arange(len(sizes)), starts[1:]) if len(sizes) else []
