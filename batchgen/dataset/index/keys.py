"""The keys of `core.keys`, read from columns of the index."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from batchgen.core.keys import NO_KEYS, Keys

# The columns that `slot_keys` reads.
SLOT_COLUMNS = ("fingerprint", "image_number")

# Few enough that their bytes stay in the processor's cache.
_TEXTS_AT_ONCE = 8_192
# An odd number without pattern: Knuth's, the golden ratio of 2^64.
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_HEX_DIGITS = 32  # of a fingerprint as text
_HEX_VALUE = np.zeros(256, np.uint8)
_HEX_VALUE[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16, dtype=np.uint8)


def fingerprint_keys(column: pa.Array | pa.ChunkedArray) -> Keys:
    """Return the keys of fingerprints given as a column of hex digits."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return np.concatenate([NO_KEYS, *map(_chunk_keys, chunks)])


def slot_keys(table: pa.Table | pa.RecordBatch) -> Keys:
    """Return a key for each record's slot, from its fingerprint and image number."""
    numbers: Keys = table.column("image_number").to_numpy().astype(np.uint64)
    return fingerprint_keys(table.column("fingerprint")) + numbers


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
