"""Shards: every image in one of them, in order, none larger than asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.core.errors import ExportError
from batchgen.export import parse_size
from batchgen.export.shards import divide


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 200))
def test_shards_hold_every_image_once_and_stay_below_the_limit(sizes: list[int], limit: int) -> None:
    shards = divide(np.array(sizes, np.int64), limit)
    assert [index for shard in shards for index in shard.tolist()] == list(range(len(sizes)))
    for shard in shards:
        assert len(shard) == 1 or sum(sizes[index] for index in shard) <= limit


def test_a_shard_takes_what_fits() -> None:
    assert [len(shard) for shard in divide(np.full(1001, 10), 1010)] == [101] * 9 + [92]


@pytest.mark.parametrize(
    ("text", "size"), [("100MB", 10**8), ("0.5 GB", 5 * 10**8), ("1gb", 10**9), ("200MiB", 200 * 2**20)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "500", "MB", "99MB", "2GB", "1TB", "-1GB", "1e9MB", "nanGB"])
def test_a_wrong_size_is_explained(text: str) -> None:
    with pytest.raises(ExportError, match="--shard-size"):
        parse_size(text)
