"""Sixty-four bits that stand for a request, or for one of its slots, so that millions fit in an array.

A fingerprint has 128 bits; its first half tells ten million requests apart with a chance of error
of one in 400,000.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

NO_KEYS: Keys = np.empty(0, np.uint64)

# A stretch of up to 2^5 keys is 256 bytes; a table of one entry for each takes 2 MB for ten million keys.
_STRETCH_BITS = 5


def key_of(fingerprint: str) -> int:
    """Return the key of a fingerprint given as hex digits."""
    return int(fingerprint[:16], 16)


def keys_of(fingerprints: Sequence[bytes]) -> Keys:
    """Return the keys of fingerprints given as 16 bytes each."""
    return np.frombuffer(b"".join(fingerprints), ">u8")[::2].astype(np.uint64)


class Finder:
    """Finds keys in a sorted array.

    Keys are evenly spread, so a table of their first bits says where one is to within two dozen places, which share a
    few lines of the processor's cache: of ten million, 60 ns a key, where to bisect them all takes 450.
    """

    def __init__(self, in_sorted: Keys) -> None:
        self._sorted = in_sorted
        bits = max(1, len(in_sorted).bit_length() - _STRETCH_BITS)
        self._shift = np.uint64(64 - bits)
        stretches = np.arange(2**bits, dtype=np.uint64) << self._shift
        starts = np.append(np.searchsorted(in_sorted, stretches), len(in_sorted))
        self._starts = starts.astype(np.uint32)
        self._steps = int(np.diff(starts).max()).bit_length()

    def contains(self, keys: Keys) -> Mask:
        """Return for each key whether it is in the array."""
        if not len(self._sorted):
            return np.zeros(len(keys), np.bool_)
        found: Mask = self._sorted[self.search(keys)] == keys
        return found

    def search(self, keys: Keys) -> npt.NDArray[np.intp]:
        """Return where each key is, or some position if it is not there. The array must not be empty."""
        last = len(self._sorted) - 1
        positions = self._starts[(keys >> self._shift).astype(np.intp)].astype(np.intp)
        for step in reversed(range(self._steps)):
            # Beyond the end of its stretch no key is smaller, so a step too far is never taken.
            looked_at = np.minimum(positions + (2**step - 1), last)
            positions += (self._sorted[looked_at] < keys) * 2**step
        return np.minimum(positions, last)


def first_of_each(pieces: Sequence[Keys]) -> list[Mask]:
    """Return for each piece which of its keys were in no piece before it, nor earlier in the same piece."""
    ordered = np.concatenate([NO_KEYS, *pieces])
    first = np.ones(len(ordered), np.bool_)
    ordered.sort()
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    if len(repeated):  # hardly ever: to sort all of them with their positions takes five times as long
        together = np.concatenate(pieces)
        suspects = np.flatnonzero(Finder(repeated).contains(together))
        _, positions = np.unique(together[suspects], return_index=True)
        first[suspects] = False
        first[suspects[positions]] = True
    return np.split(first, np.cumsum([len(piece) for piece in pieces])[:-1])
