"""Counting earlier occurrences: exact, whatever the size and order of batches."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.planning.occurrences import Occurrences

KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)


@given(batches=st.lists(st.lists(KEYS, max_size=30), max_size=12), small=st.integers(0, 40), run=st.integers(1, 100))
@settings(max_examples=60)
def test_counts_are_those_of_a_dictionary(batches: list[list[int]], small: int, run: int) -> None:
    counted, wanted = Occurrences(small_max_keys=small, run_max_keys=run), Counter[int]()
    for batch in batches:
        expected = {}
        for position, key in enumerate(batch):
            if wanted[key]:
                expected[position] = wanted[key]
            wanted[key] += 1
        assert counted.add(batch) == expected


def test_counts_stay_right_while_the_memory_of_what_came_grows() -> None:
    counted, step = Occurrences(small_max_keys=0), 2**64 // 3_000_000
    keys = [number * step - 2**63 for number in range(800_000)]
    for start in range(0, len(keys), 8_000):
        assert counted.add(keys[start : start + 8_000]) == {}
    assert counted.add([keys[799_999], 1, keys[0], keys[0]]) == {0: 1, 2: 1, 3: 2}
