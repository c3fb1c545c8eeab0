"""Sixty-four bits that stand for a request, or for one of its slots, so that millions fit in an array.

A fingerprint has 128 bits; its first half tells ten million requests apart with a chance of error
of one in 400,000.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

NO_KEYS: Keys = np.empty(0, np.uint64)
# The columns that `slot_keys` reads.
SLOT_COLUMNS = ("fingerprint", "image_number")

_HEX_DIGITS = 32  # of a fingerprint as text
_HEX_VALUE = np.zeros(256, np.uint8)
_HEX_VALUE[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16, dtype=np.uint8)


def key_of(fingerprint: str) -> int:
    """Return the key of a fingerprint given as hex digits."""
    return int(fingerprint[:16], 16)


def keys_of(fingerprints: Sequence[bytes]) -> Keys:
    """Return the keys of fingerprints given as 16 bytes each."""
    return np.frombuffer(b"".join(fingerprints), ">u8")[::2].astype(np.uint64)


def fingerprint_keys(column: pa.Array | pa.ChunkedArray) -> Keys:
    """Return the keys of fingerprints given as a column of hex digits."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return np.concatenate([NO_KEYS, *map(_chunk_keys, chunks)])


def slot_keys(table: pa.Table | pa.RecordBatch) -> Keys:
    """Return a key for each record's slot, from its fingerprint and image number."""
    numbers: Keys = table.column("image_number").to_numpy().astype(np.uint64)
    return fingerprint_keys(table.column("fingerprint")) + numbers


def contained(keys: Keys, in_sorted: Keys) -> Mask:
    """Return for each key whether it is in a sorted array."""
    if not len(in_sorted):
        return np.zeros(len(keys), np.bool_)
    positions = np.minimum(np.searchsorted(in_sorted, keys), len(in_sorted) - 1)
    found: Mask = in_sorted[positions] == keys
    return found


def first_of_each(pieces: Sequence[Keys]) -> list[Mask]:
    """Return for each piece which of its keys were in no piece before it, nor earlier in the same piece."""
    together = np.concatenate([NO_KEYS, *pieces])
    _, positions = np.unique(together, return_index=True)
    first = np.zeros(len(together), np.bool_)
    first[positions] = True
    return np.split(first, np.cumsum([len(piece) for piece in pieces])[:-1])


def _chunk_keys(chunk: pa.Array) -> Keys:
    if len(chunk) == 0:
        return NO_KEYS
    _, _, data = chunk.buffers()
    text = np.frombuffer(data, np.uint8, len(chunk) * _HEX_DIGITS, chunk.offset * _HEX_DIGITS)
    digits = _HEX_VALUE[text.reshape(-1, _HEX_DIGITS)[:, :16]]
    packed = (digits[:, 0::2] << 4) | digits[:, 1::2]
    return np.ascontiguousarray(packed).view(">u8").ravel().astype(np.uint64)
