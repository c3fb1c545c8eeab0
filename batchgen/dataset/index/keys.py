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

# Few enough that their bytes stay in the processor's cache.
_TEXTS_AT_ONCE = 8_192
# An odd number without pattern: Knuth's, the golden ratio of 2^64.
_MIXER = np.uint64(0x9E3779B97F4A7C15)
# A stretch of up to 2^5 keys is 256 bytes; a table of one entry for each takes 2 MB for ten million keys.
_STRETCH_BITS = 5
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


def text_keys(column: pa.Array | pa.ChunkedArray) -> Keys:
    """Return a key for each text of a column of strings: equal texts have equal keys."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    slices = [chunk.slice(start, _TEXTS_AT_ONCE) for chunk in chunks for start in range(0, len(chunk), _TEXTS_AT_ONCE)]
    return np.concatenate([NO_KEYS, *map(_text_keys, slices)])


def _text_keys(texts: pa.Array) -> Keys:
    """Texts of one length are a matrix of bytes, and then of 64-bit words, which are mixed column by column."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    starts, lengths = ends[:-1], np.diff(ends)
    characters = np.frombuffer(data or b"", np.uint8)
    keys = np.empty(len(texts), np.uint64)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        padded = np.zeros((len(rows), -(-length // 8) * 8), np.uint8)
        padded[:, :length] = characters[starts[rows, np.newaxis] + np.arange(length, dtype=np.int32)]
        mixed = np.full(len(rows), length + 1, np.uint64)
        for word in padded.view(np.uint64).T:
            mixed = (mixed ^ word) * _MIXER
            mixed ^= mixed >> np.uint64(29)
        keys[rows] = mixed
    return keys


def _chunk_keys(chunk: pa.Array) -> Keys:
    if len(chunk) == 0:
        return NO_KEYS
    _, _, data = chunk.buffers()
    text = np.frombuffer(data, np.uint8, len(chunk) * _HEX_DIGITS, chunk.offset * _HEX_DIGITS)
    digits = _HEX_VALUE[text.reshape(-1, _HEX_DIGITS)[:, :16]]
    packed = (digits[:, 0::2] << 4) | digits[:, 1::2]
    return np.ascontiguousarray(packed).view(">u8").ravel().astype(np.uint64)
