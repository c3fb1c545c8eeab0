"""Which images go into which split, the same every time: by shares of the prompts, or by a column.

By shares, an image goes where the hash of its prompt says. So all images of a prompt stay together, whichever
rows ask for them, and rows that are added later move no image of the others. The price: the shares
are those of prompts, and only about so large.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batchgen.core.errors import ExportError
from batchgen.core.format import quote

# What Hugging Face takes for the name of a split; it is also part of file names.
_NAME = re.compile(r"[A-Za-z0-9_]{1,50}")
_NAME_RULE = "a split's name is made of letters, digits and underscores"


@dataclass(frozen=True, slots=True)
class Share:
    """A split and how much of the dataset it gets, more than 0 and at most 1."""

    name: str
    fraction: Decimal


EVERYTHING = (Share("train", Decimal(1)),)


def parse_shares(text: str) -> tuple[Share, ...]:
    """Read `train=0.9,test=0.1`. Raises ExportError."""
    shares = tuple(_parse_share(part.strip()) for part in text.split(","))
    names = [share.name for share in shares]
    if len(set(names)) < len(names):
        raise ExportError(f"--split {text}: a split is named twice")
    total = sum(share.fraction for share in shares)
    if total != 1:
        raise ExportError(f"--split {text}: the shares make {total}, and must make 1, as in train=0.9,test=0.1")
    return shares


def prompt_hashes(prompts: pa.Array) -> npt.NDArray[np.uint64]:
    """Return the hash of each prompt: the same on every machine, today and in ten years."""
    return np.array([_hash(text) for text in prompts.to_pylist()], np.uint64)


def assign(
    row_keys: npt.NDArray[np.uint64], prompts: npt.NDArray[np.uint64], shares: Sequence[Share]
) -> npt.NDArray[np.int64]:
    """Return for each image the number of its share: images of one row or of one prompt get the same.

    Args:
        row_keys: What tells the row of each image from others.
        prompts: The hash of each image's prompt.
        shares: The splits.
    """
    hashes, codes = np.unique(prompts, return_inverse=True)
    rows = np.unique(row_keys, return_inverse=True)[1]
    points = (_joined(hashes, codes, rows)[codes] >> np.uint64(11)) * 2.0**-53
    ends = np.cumsum([float(share.fraction) for share in shares])
    numbers: npt.NDArray[np.int64] = np.searchsorted(ends[:-1], points, side="right")
    return numbers


def refuse_names(names: Sequence[str], option: str) -> None:
    """Raise ExportError if a split cannot have one of these names. option: what named it, for the message."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise ExportError(f"{option}: {quote(name)} names no split; {_NAME_RULE}")


def _joined(
    hashes: npt.NDArray[np.uint64], codes: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.uint64]:
    """Give prompts that one row has had one after the other the same hash: the smallest among them."""
    while True:
        least_of_row = np.full(rows.max(initial=-1) + 1, np.iinfo(np.uint64).max, np.uint64)
        np.minimum.at(least_of_row, rows, hashes[codes])
        least = hashes.copy()
        np.minimum.at(least, codes, least_of_row[rows])
        if np.array_equal(least, hashes):
            return hashes
        hashes = least


def _hash(prompt: str) -> int:
    return int.from_bytes(sha256(prompt.encode()).digest()[:8], "big")


def _parse_share(text: str) -> Share:
    name, _, number = text.partition("=")
    try:
        fraction = Decimal(number)
    except InvalidOperation:
        raise ExportError(f"--split {text}: write a name and its share, as in train=0.9,test=0.1") from None
    if not _NAME.fullmatch(name):
        raise ExportError(f"--split {text}: {_NAME_RULE}")
    if not (fraction.is_finite() and 0 < fraction <= 1):
        raise ExportError(f"--split {text}: a share is more than 0 and at most 1")
    return Share(name, fraction)
