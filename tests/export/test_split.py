"""What a split promises: no row's and no prompt's images are ever divided, and nothing moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.core.errors import ExportError
from batchgen.dataset.index.keys import text_keys
from batchgen.export import Share, parse_shares
from batchgen.export.split import assign, prompt_hashes

HALVES = parse_shares("train=0.5,test=0.5")

Images = Sequence[tuple[str, str]]


def divide(images: Images, shares: Sequence[Share] = HALVES) -> list[int]:
    """The share of each image, given as row id and prompt."""
    row_ids, prompts = zip(*images, strict=True)
    return list(assign(text_keys(pa.array(row_ids)), prompt_hashes(pa.array(prompts)), shares).tolist())


images = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("123456")), min_size=1, max_size=30)


@given(images)
@settings(max_examples=200)
def test_images_of_one_row_and_images_of_one_prompt_stay_together(images: Images) -> None:
    for column in (0, 1):
        places: dict[str, set[int]] = {}
        for image, share in zip(images, divide(images), strict=True):
            places.setdefault(image[column], set()).add(share)
        assert all(len(shares) == 1 for shares in places.values())


def test_rows_that_are_added_move_no_image() -> None:
    before = [(f"row-{number}", f"prompt {number}") for number in range(200)]
    after = [(f"new-{number}", f"another {number}") for number in range(100)] + before
    assert divide(after)[100:] == divide(before)


def test_the_order_of_images_does_not_matter() -> None:
    images = [(f"row-{number}", f"prompt {number}") for number in range(200)]
    assert divide(images[::-1])[::-1] == divide(images)


def test_shares_are_about_as_large_as_they_were_asked_for() -> None:
    images = [(f"row-{number}", f"prompt {number}") for number in range(10_000)]
    counts = np.bincount(divide(images, parse_shares("train=0.8,val=0.15,test=0.05")))
    assert np.abs(counts - [8000, 1500, 500]).max() < 200


def test_the_split_of_a_prompt_is_the_same_in_every_version() -> None:
    images = [(str(number), prompt) for number, prompt in enumerate(("a fox", "an owl", "a heron", "koi", "ein Bär"))]
    assert divide(images) == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("train", "write a name and its share"),
        ("train=x", "write a name and its share"),
        ("train=0.9", "make 0.9"),
        ("train=0.9,test=0.2", "make 1.1"),
        ("train=0.5,train=0.5", "named twice"),
        ("train=1,test=0", "more than 0"),
        ("train=2,test=-1", "more than 0"),
        ("train=nan,test=1", "more than 0"),
        ("../x=1", "letters, digits and underscores"),
        ("=1", "letters, digits and underscores"),
    ],
)
def test_a_wrong_split_is_explained(text: str, what: str) -> None:
    with pytest.raises(ExportError, match=what):
        parse_shares(text)


def test_shares_are_counted_in_decimals() -> None:
    assert [share.name for share in parse_shares("a=0.1,b=0.2,c=0.7")] == ["a", "b", "c"]
