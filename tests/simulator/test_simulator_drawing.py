"""Images: any words in any size, always the same."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from batchgen.simulator.dialects.aimlapi.answers import enhance
from batchgen.simulator.drawing import TYPE_SIZES_PX, Sketch, draw


def test_another_process_draws_the_same_bytes() -> None:
    sketch = Sketch("A red fox", "variant", 1024, 1024)
    code = (
        "import hashlib; from batchgen.simulator.drawing import *; "
        f"print(hashlib.sha256(draw(Sketch({sketch.words!r}, {sketch.variant!r}, 1024, 1024))).hexdigest())"
    )
    printed = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout]
    assert printed == [hashlib.sha256(draw(sketch)).hexdigest() + "\n"]


@pytest.mark.parametrize(
    "words",
    ["", " ", "\x00\x07\n", "一只猫", "😀" * 100, "naïve façade", "x" * 5000, "word " * 2000, "\ud800", "%s {} \\"],
)
def test_any_words_make_an_image(words: str) -> None:
    with Image.open(io.BytesIO(draw(Sketch(words, "v", 768, 1408)))) as image:
        image.load()
        assert image.size == (768, 1408)


@given(st.text(max_size=400), st.sampled_from([(1024, 1024), (1536, 672), (768, 1344)]))
@settings(max_examples=25, deadline=None)
def test_no_prompt_stops_the_pen(words: str, size: tuple[int, int]) -> None:
    assert draw(Sketch(words, words, *size)).startswith(b"\x89PNG")


def test_words_and_watermark_show_in_the_image() -> None:
    plain = Sketch("one", "v", 1024, 1024)
    assert (
        len({draw(plain), draw(Sketch("two", "v", 1024, 1024)), draw(Sketch("one", "v", 1024, 1024, watermark=True))})
        == 3
    )


def test_type_sizes_fall_so_that_the_largest_that_fits_is_found_first() -> None:
    assert list(TYPE_SIZES_PX) == sorted(TYPE_SIZES_PX, reverse=True)


def test_an_enhanced_prompt_begins_with_the_prompt_and_may_exceed_what_a_request_allows() -> None:
    assert (enhance("A fox.") or "").startswith("A fox, ")
    assert len(enhance("x" * 400) or "") > 400
    assert enhance("word " * 30) is None
    assert enhance("word " * 29) is not None
