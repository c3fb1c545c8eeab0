"""One size in the manifest, whatever a model calls it: words, ratios and pixels, with bounds that are said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from batchgen.catalog import Field, Size, load_catalog
from batchgen.core.errors import CatalogError

FLUX = Size(
    names=("square_hd", "landscape_16_9"),
    ratios={"16:9": "landscape_16_9", "2:3": "832x1248"},
    pixels={"landscape_16_9": (1024, 576)},
    write="object",
    min_side=512,
    max_side=2048,
    multiple_of=16,
)
GPT = Size(names=("auto",), write="text", multiple_of=16, max_ratio=3, max_pixels=3840 * 2160)
TIERS = Size(names=("1K", "2K"))


@pytest.mark.parametrize(
    ("size", "text", "read", "written"),
    [
        (FLUX, "1024x768", "1024x768", {"width": 1024, "height": 768}),
        (FLUX, " 1024 X 768 ", "1024x768", {"width": 1024, "height": 768}),
        (FLUX, "1024\u00d7768", "1024x768", {"width": 1024, "height": 768}),
        (FLUX, "Square_HD", "square_hd", "square_hd"),
        (FLUX, "16:9", "landscape_16_9", "landscape_16_9"),
        (FLUX, "2:3", "832x1248", {"width": 832, "height": 1248}),
        (GPT, "1536x1024", "1536x1024", "1536x1024"),
        (GPT, "auto", "auto", "auto"),
        (TIERS, "2k", "2K", "2K"),
    ],
)
def test_a_size_has_one_form_and_is_written_as_its_model_takes_it(
    size: Size, text: str, read: str, written: object
) -> None:
    assert (size.read(text), size.written(read)) == (read, written)
    assert size.read(read) == read


@pytest.mark.parametrize(
    ("size", "text", "message"),
    [
        (
            FLUX,
            "500x1024",
            "a side of 500 is too small; allowed are square_hd, landscape_16_9, 16:9, 2:3, WIDTH",
        ),
        (FLUX, "1024x4096", "a side of 4096 is too large; "),
        (FLUX, "1024x1000", "1000 is no multiple of 16; "),
        (FLUX, "9:16", "allowed are square_hd, landscape_16_9, 16:9, 2:3, "),
        (FLUX, "landscape_16_8", "did you mean landscape_16_9?"),
        (FLUX, "0x0", "sides of 512 to 2,048, multiples of 16)"),
        (GPT, "4096x4096", "16,777,216 pixels are too many; "),
        (GPT, "1024x256", "4:1 is too long; allowed are auto, WIDTHxHEIGHT (multiples of 16, at most 8,294,400 pixels"),
        (Size(write="fields", min_pixels=1000), "8x8", "64 pixels are too few; "),
        (TIERS, "1024x1024", "the model takes no width and height; allowed are 1K, 2K"),
        (TIERS, "", "allowed are 1K, 2K"),
    ],
)
def test_what_a_model_does_not_take_is_refused_with_what_it_does(size: Size, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        size.read(text)


@pytest.mark.parametrize(
    ("field", "value", "body"),
    [
        (Field(type="size", size=FLUX, path="image_size"), "1024x768", {"image_size": {"width": 1024, "height": 768}}),
        (Field(type="size", size=FLUX, path="input.image_size"), "square_hd", {"input": {"image_size": "square_hd"}}),
        (Field(type="size", size=Size(write="fields")), "64x32", {"width": 64, "height": 32}),
        (
            Field(type="size", size=Size(write="fields"), path="input.size"),
            "64x32",
            {"input": {"width": 64, "height": 32}},
        ),
        (Field(type="size", size=GPT), "auto", {"size": "auto"}),
    ],
)
def test_a_size_stands_in_the_body_where_its_model_has_it(field: Field, value: str, body: dict[str, Any]) -> None:
    written: dict[str, Any] = {}
    field.put(written, "size", value)
    assert written == body


@pytest.mark.parametrize(
    ("size", "most"),
    [
        (FLUX, None),  # nobody says how large square_hd is
        (Size(write="object", max_side=100), 10_000),
        (Size(write="object", max_side=100, max_pixels=64), 64),
        (Size(names=("a", "b"), pixels={"a": (2, 3), "b": (4, 5)}), 20),
        (Size(write="text"), None),
    ],
)
def test_the_largest_image_is_known_where_all_that_a_model_takes_is(size: Size, most: int | None) -> None:
    assert size.most_pixels == most


def test_megapixels_are_priced_by_the_size_that_is_asked_for(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        '[fields.size]\ntype = "size"\ndefault = "1000x1000"\nsize = { write = "object", max_side = 2000 }\n'
        '[price]\nmegapixels = { first = 0.03, further = 0.01 }\ndate = 2026-01-01\nsource = "s"\n',
    )
    assert model.price_of_image({}) == pytest.approx(0.03)
    assert model.price_of_image({"size": "2000x1500"}) == pytest.approx(0.05)
    assert model.most_usd_per_image == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("size = {}", "fields.size.size: needs names, or write"),
        (
            'size = { names = ["a"], write = "fields" }',
            "fields.size.size.names: a word cannot be written as two fields",
        ),
        ('size = { names = ["a"], pixels = { b = [1, 1] } }', "fields.size.size.pixels.'b': is not among the names"),
        ('size = { names = ["a"], ratios = { wide = "a" } }', "fields.size.size.ratios.'wide': is no ratio like 16:9"),
        ('size = { names = ["a"], ratios = { "1:1" = "b" } }', "fields.size.size.ratios.'1:1': 'b' is no size of this"),
        ('size = { names = ["a"] }\ndefault = "b"', "fields.size.default: 'b' is not a value the field accepts"),
        ('size = { names = ["a"] }\nvalues = ["a"]', "fields.size.values: JSON and sizes have none"),
        (
            'size = { names = ["a"], wirte = "text" }',
            "fields.size.size.wirte: no key has this name; did you mean write?",
        ),
        ("", 'fields.size.size: a field of type = "size" needs it, and no other has it'),
    ],
)
def test_sizes_that_cannot_be_are_refused_with_their_key(tmp_path: Path, fields: str, message: str) -> None:
    with pytest.raises(CatalogError) as raised:
        model_of(tmp_path, f'[fields.size]\ntype = "size"\n{fields}\n')
    assert message in str(raised.value)


def model_of(folder: Path, fields: str) -> Any:
    path = folder / "m.toml"
    path.write_text(f'name = "m"\n[fields.prompt]\ntype = "string"\n{fields}')
    return load_catalog([path]).find("m")
