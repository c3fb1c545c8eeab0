"""How often did this 64-bit hash come before? For ten million rows, in flat memory.

A dictionary while there are few. After that sorted numpy arrays, 8 bytes a hash: each batch becomes a
run, runs of similar size are merged, and a merged run stops growing at a size whose merge needs little
memory for a moment. Two different texts with one hash are taken for the same: among ten million rows
that happens once in 300,000 manifests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes = npt.NDArray[np.int64]

# Below this a dictionary takes a few MB and numpy need not be imported.
SMALL_MAX_KEYS = 50_000
# Merging two runs of this size takes 64 MB for a moment; larger runs would save little searching.
RUN_MAX_KEYS = 4_000_000


class Occurrences:
    """Counts hashes, batch by batch."""

    def __init__(self) -> None:
        self._small: Counter[int] = Counter()
        self._runs: list[Hashes] = []

    def add(self, keys: Sequence[int]) -> dict[int, int]:
        """Take in a batch. Return how often each key came earlier, by position, where it did at all."""
        if not self._runs and len(self._small) + len(keys) <= SMALL_MAX_KEYS:
            return _count_on(self._small, keys)
        import numpy as np

        if not self._runs:
            self._runs.append(np.sort(np.fromiter(self._small.elements(), np.int64)))
            self._small.clear()
        batch = np.sort(np.fromiter(keys, np.int64, len(keys)))
        repeated = set(batch[1:][batch[1:] == batch[:-1]].tolist())
        for run in self._runs:
            found = run[np.minimum(np.searchsorted(run, batch), len(run) - 1)] == batch
            if found.any():
                repeated.update(batch[found].tolist())
        earlier = self._count_repeated(keys, repeated) if repeated else {}
        self._runs.append(batch)
        self._merge()
        return earlier

    def _count_repeated(self, keys: Sequence[int], repeated: set[int]) -> dict[int, int]:
        before: Counter[int] = Counter()
        ordered = sorted(repeated)
        for run in self._runs:
            counts = run.searchsorted(ordered, "right") - run.searchsorted(ordered, "left")
            before.update(dict(zip(ordered, counts.tolist(), strict=True)))
        positions = [position for position, key in enumerate(keys) if key in repeated]
        earlier = _count_on(before, [keys[position] for position in positions])
        return {positions[index]: count for index, count in earlier.items()}

    def _merge(self) -> None:
        import numpy as np

        runs = self._runs
        while len(runs) > 1 and len(runs[-2]) <= 2 * len(runs[-1]) and len(runs[-2]) + len(runs[-1]) <= RUN_MAX_KEYS:
            last = runs.pop()
            merged: Any = np.concatenate((runs.pop(), last))
            merged.sort(kind="stable")  # two sorted runs: one linear pass
            runs.append(merged)


def _count_on(counts: Counter[int], keys: Sequence[int]) -> dict[int, int]:
    earlier = {}
    for position, key in enumerate(keys):
        count = counts.get(key, 0)
        if count:
            earlier[position] = count
        counts[key] = count + 1
    return earlier
