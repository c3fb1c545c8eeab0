"""How often did this 64-bit hash come before? For ten million rows, in flat memory.

A dictionary while there are few. After that sorted numpy arrays, 8 bytes a hash: each batch becomes a
run, and runs of similar size are merged, up to a size whose merge needs little memory for a moment.
Almost no hash came before, and a sieve of two bits a hash says so without a search: it takes 16 MB at most.
Two texts with one hash are taken for the same: with ten million rows, in one manifest of 300,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes = npt.NDArray[np.int64]
    Marks = npt.NDArray[np.bool_]

# Below this a dictionary takes a few MB and numpy need not be imported.
SMALL_MAX_KEYS = 50_000
# Merging up to this size takes 16 MB for a moment; larger runs would save little searching.
RUN_MAX_KEYS = 2_000_000
# So many runs of one size become one: each hash is sorted seldom, and few runs are searched.
_RUNS_MERGED = 8
# The sieve grows with the hashes, from 256 kB, up to 16 MB: with ten million hashes one new hash in fifty is
# searched for in vain.
_SIEVE_BITS_MIN, _SIEVE_BITS_MAX = 21, 27
_SIEVE_BITS_A_KEY = 13


class Occurrences:
    """Counts hashes, batch by batch. They must be evenly spread over 64 bits (signed)."""

    def __init__(self, small_max_keys: int = SMALL_MAX_KEYS, run_max_keys: int = RUN_MAX_KEYS) -> None:
        self._small_max_keys = small_max_keys
        self._run_max_keys = run_max_keys
        self._small: Counter[int] = Counter()
        self._large: _SortedRuns | None = None

    def add(self, keys: Sequence[int]) -> dict[int, int]:
        """Take in a batch. Return how often each key came earlier, by position, where it did at all."""
        if self._large is None:
            if len(self._small) + len(keys) <= self._small_max_keys:
                return _count_on(self._small, keys)
            self._large = _SortedRuns(self._run_max_keys)
            self._large.add(list(self._small.elements()))
            self._small.clear()
        counts = self._large.add(keys)
        if not counts:
            return {}
        positions = [position for position, key in enumerate(keys) if key in counts]
        earlier = _count_on(counts, [keys[position] for position in positions])
        return {positions[index]: count for index, count in earlier.items()}


class _SortedRuns:
    """Sorted arrays of hashes, repeated ones included."""

    def __init__(self, run_max_keys: int) -> None:
        import numpy as np

        self._np = np
        self._run_max_keys = run_max_keys
        self._runs: list[Hashes] = []
        self._count = 0
        self._sieve_bits = _SIEVE_BITS_MIN
        self._sieve = np.zeros(2**self._sieve_bits // 8, np.uint8)

    def add(self, keys: Sequence[int]) -> Counter[int]:
        """Take in a batch. Return counts of earlier batches, for keys that came before or come twice now."""
        np = self._np
        batch = np.fromiter(keys, np.int64, len(keys))
        batch.sort()
        counts = Counter(dict.fromkeys(batch[1:][batch[1:] == batch[:-1]].tolist(), 0))
        wanted = batch[self._sift(batch)]
        for run in self._runs:
            # Sorted queries walk through memory in one direction: twice as fast as unsorted ones.
            first = run.searchsorted(wanted)
            found = run[np.minimum(first, len(run) - 1)] == wanted
            ends = run.searchsorted(wanted[found], "right")
            counts.update(dict(zip(wanted[found].tolist(), (ends - first[found]).tolist(), strict=True)))
        if len(batch):
            self._runs.append(batch)
        self._merge()
        return counts

    def _sift(self, batch: Hashes) -> Marks:
        """Mark hashes that may have come before, and remember all of them."""
        self._count += len(batch)
        if self._sieve_bits < _SIEVE_BITS_MAX and self._count * _SIEVE_BITS_A_KEY > 2**self._sieve_bits:
            self._sieve_bits += 2
            self._sieve = self._np.zeros(2**self._sieve_bits // 8, self._np.uint8)
            for run in self._runs:
                self._mark(run)
        return self._mark(batch)

    def _mark(self, hashes: Hashes) -> Marks:
        """Set the two bits of each hash. Return for which hashes both were set."""
        np = self._np
        words = hashes.view(np.uint64)
        were_set: Marks = np.ones(len(hashes), np.bool_)
        for cells in (words >> np.uint64(64 - self._sieve_bits), words & np.uint64(2**self._sieve_bits - 1)):
            places, bits = cells >> np.uint64(3), np.uint8(1) << (cells & np.uint64(7)).astype(np.uint8)
            were_set &= (self._sieve[places] & bits) != 0
            np.bitwise_or.at(self._sieve, places, bits)
        return were_set

    def _merge(self) -> None:
        runs = self._runs
        while len(alike := runs[-_RUNS_MERGED:]) == _RUNS_MERGED:
            if len(alike[0]) > 2 * len(alike[-1]) or sum(map(len, alike)) > self._run_max_keys:
                return
            merged = self._np.concatenate(alike)
            merged.sort()
            runs[-_RUNS_MERGED:] = [merged]


def _count_on(counts: Counter[int], keys: Sequence[int]) -> dict[int, int]:
    earlier = {}
    for position, key in enumerate(keys):
        count = counts[key]
        if count:
            earlier[position] = count
        counts[key] = count + 1
    return earlier
