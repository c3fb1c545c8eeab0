"""What a model costs: the case that fits, megapixels, the bound of token rates; and prices that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchgen.catalog import Model, TokenRates, load_catalog
from batchgen.core.errors import CatalogError

FIELDS = """\
name = "m"

[fields.prompt]
type = "string"

[fields.aspect_ratio]
type = "string"
values = ["1:1", "16:9"]
default = "1:1"

[fields.quality]
type = "string"
values = ["low", "high", "auto"]
default = "auto"

[sizes]
"1:1" = [1024, 1024]
"16:9" = [1250, 800]

[price]
date = 2026-11-01
source = "made up for a test"
"""


def model_with(folder: Path, price: str) -> Model:
    path = folder / "m.toml"
    path.write_text(FIELDS + price)
    return load_catalog([path]).find("m")


def test_the_first_case_that_fits_counts_with_defaults_before_the_one_figure(tmp_path: Path) -> None:
    model = model_with(
        tmp_path,
        """usd_per_image = 0.09
        cases = [
          { when = { quality = "high", aspect_ratio = "1:1" }, usd_per_image = 0.20 },
          { when = { quality = "high" }, usd_per_image = 0.15 },
          { when = { quality = "auto" }, usd_per_image = 0.25 },
        ]""",
    )
    assert model.price_of_image({"quality": "high"}) == 0.20
    assert model.price_of_image({"quality": "high", "aspect_ratio": "16:9"}) == 0.15
    assert model.price_of_image({}) == 0.25
    assert model.price_of_image({"quality": "low"}) == 0.09
    assert model.most_usd_per_image == 0.25


def test_each_further_megapixel_that_is_begun_is_paid(tmp_path: Path) -> None:
    model = model_with(tmp_path, "megapixels = { first = 0.03, further = 0.01 }")
    assert model.price_of_image({}) == pytest.approx(0.04)  # 1024 x 1024 are more than a million
    assert model.price_of_image({"aspect_ratio": "16:9"}) == pytest.approx(0.03)
    assert model.most_usd_per_image == pytest.approx(0.04)


def test_tokens_are_planned_by_their_bound_and_paid_by_their_number(tmp_path: Path) -> None:
    model = model_with(tmp_path, "[price.tokens]\nmost_usd_per_image = 0.5\ntext_in = 5\nimage_out = 30")
    assert model.price_of_image({"quality": "low"}) == 0.5
    assert model.price is not None
    assert model.price.usd_per_prompt_byte == pytest.approx(5e-6)
    rates = TokenRates(most_usd_per_image=1, text_in=5, image_in=8, text_out=10, image_out=30)
    assert rates.cost_usd(text_in=1000, image_in=100, text_out=10, image_out=2000) == pytest.approx(0.0659)


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ("", "price: says no figure; write usd_per_image, cases, megapixels or tokens"),
        ("usd_per_image = -0.01", "price.usd_per_image: must be 0 or more"),
        ("megapixels = { first = 1, further = inf }", "price.megapixels.further: must be 0 or more"),
        ("megapixels = { first = 1, further = 1, pixels = 0 }", "price.megapixels.pixels: must be 1 or more"),
        (
            'cases = [{ when = { style = "x" }, usd_per_image = 1 }]',
            "price.cases.1.when.style: is not a field of this model",
        ),
        (
            'cases = [{ when = { quality = "best" }, usd_per_image = 1 }]',
            "price.cases.1.when.quality: 'best' is not a value the field accepts",
        ),
        ("[price.tokens]\nmost_usd_per_image = 1\nimage_out = -1", "price.tokens.image_out: must be 0 or more"),
    ],
)
def test_a_price_that_cannot_be_is_refused_with_its_key(tmp_path: Path, price: str, message: str) -> None:
    with pytest.raises(CatalogError) as raised:
        model_with(tmp_path, price)
    assert str(raised.value) == f"{tmp_path / 'm.toml'}: {message}"
