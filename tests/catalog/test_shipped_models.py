"""What the shipped files promise: defaults that never change, prices that somebody named, values that agree."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

import batchgen.catalog
from batchgen.catalog import Model, Value, load_catalog

IMAGEN = {
    "num_images": 1,
    "aspect_ratio": "1:1",
    "enhance_prompt": True,
    "person_generation": "allow_adult",
    "safety_setting": "block_medium_and_above",
    "add_watermark": False,
}
GPT_IMAGE = {
    "num_images": 1,
    "size": "auto",
    "quality": "auto",
    "background": "auto",
    "output_format": "png",
    "output_compression": 100,
    "moderation": "auto",
}

# A default in here is frozen: a fingerprint leaves out what equals it, so a change would make old images new.
BFL = {"size": "1024x1024", "safety_tolerance": 2, "output_format": "jpeg"}

FROZEN_DEFAULTS: dict[str, dict[str, object]] = {
    "aimlapi/alibaba/qwen-image": {
        "num_images": 1,
        "size": "landscape_4_3",
        "output_format": "jpeg",
        "enable_safety_checker": True,
    },
    "aimlapi/alibaba/qwen-image-3": {
        "num_images": 1,
        "size": "square_hd",
        "output_format": "png",
        "enable_prompt_expansion": True,
        "enable_safety_checker": True,
    },
    "aimlapi/alibaba/z-image-turbo": {
        "num_images": 1,
        "size": "landscape_4_3",
        "output_format": "png",
        "enable_prompt_expansion": True,
        "acceleration": "regular",
        "enable_safety_checker": True,
    },
    "aimlapi/blackforestlabs/flux-2": {
        "num_images": 1,
        "size": "landscape_4_3",
        "output_format": "png",
        "enable_prompt_expansion": True,
        "acceleration": "regular",
        "enable_safety_checker": True,
    },
    "aimlapi/blackforestlabs/flux-2-pro": {
        "size": "landscape_4_3",
        "output_format": "png",
        "safety_tolerance": "2",
        "enable_safety_checker": True,
    },
    "aimlapi/bytedance/seedream-4-5": {"size": "2048x2048", "watermark": False},
    "aimlapi/bytedance/seedream-v4-text-to-image": {
        "num_images": 1,
        "size": "square_hd",
        "enable_safety_checker": True,
    },
    "aimlapi/flux-pro/v1.1": {
        "num_images": 1,
        "size": "landscape_4_3",
        "output_format": "jpeg",
        "safety_tolerance": "2",
        "enable_safety_checker": True,
    },
    "aimlapi/flux-pro/v1.1-ultra": {
        "num_images": 1,
        "aspect_ratio": "16:9",
        "output_format": "jpeg",
        "safety_tolerance": "2",
        "enable_safety_checker": True,
        "raw": False,
    },
    "aimlapi/flux/dev": {
        "num_images": 1,
        "size": "landscape_4_3",
        "num_inference_steps": 50,
        "enable_safety_checker": True,
    },
    "aimlapi/flux/kontext-max/text-to-image": {
        "num_images": 1,
        "aspect_ratio": "16:9",
        "output_format": "jpeg",
        "safety_tolerance": "2",
    },
    "aimlapi/flux/kontext-pro/text-to-image": {
        "num_images": 1,
        "aspect_ratio": "16:9",
        "output_format": "jpeg",
        "safety_tolerance": "2",
    },
    "aimlapi/flux/schnell": {"num_images": 1, "size": "landscape_4_3", "enable_safety_checker": True},
    "aimlapi/google/gemini-2.5-flash-image": {"num_images": 1, "aspect_ratio": "1:1"},
    "aimlapi/google/imagen-4.0-fast-generate-001": IMAGEN,
    "aimlapi/google/imagen-4.0-generate-001": IMAGEN,
    "aimlapi/google/imagen-4.0-ultra-generate-001": IMAGEN,
    "aimlapi/google/nano-banana-2": {"aspect_ratio": "1:1", "resolution": "1K", "enable_web_search": False},
    "aimlapi/google/nano-banana-pro": {"num_images": 1, "aspect_ratio": "1:1", "resolution": "1K"},
    "aimlapi/hunyuan/hunyuan-image-v3-text-to-image": {
        "num_images": 1,
        "size": "square_hd",
        "guidance_scale": 7.5,
        "num_inference_steps": 28,
        "output_format": "png",
        "enable_safety_checker": True,
    },
    "aimlapi/imagen-3.0-generate-002": IMAGEN,
    "aimlapi/openai/gpt-image-2": {
        "size": "1024x1024",
        "quality": "medium",
        "output_format": "png",
        "background": "auto",
        "moderation": "auto",
        "output_compression": 100,
    },
    "aimlapi/recraft-v3": {"size": "square_hd", "style": "realistic_image"},
    "aimlapi/reve/create-image": {"aspect_ratio": "3:2"},
    "aimlapi/stable-diffusion-v35-large": {
        "num_images": 1,
        "size": "square_hd",
        "num_inference_steps": 50,
        "output_format": "jpeg",
        "enable_safety_checker": True,
    },
    "aimlapi/x-ai/grok-imagine-image": {"num_images": 1, "aspect_ratio": "16:9", "resolution": "2k"},
    "bfl/flux-2-flex": BFL,
    "bfl/flux-2-klein-4b": BFL,
    "bfl/flux-2-max": BFL,
    "bfl/flux-2-pro": BFL,
    "bfl/flux-pro-1.1-ultra": {
        "aspect_ratio": "16:9",
        "raw": False,
        "prompt_upsampling": False,
        "safety_tolerance": 2,
        "output_format": "jpeg",
    },
    "fal/fal-ai/flux/schnell": {"num_images": 1, "size": "landscape_4_3", "enable_safety_checker": True},
    "gemini/gemini-3-pro-image": {"image_size": "1K"},
    "gemini/gemini-nano-banana-2.1": {"image_size": "1K"},
    "openai/gpt-image-2": GPT_IMAGE,
    "replicate/black-forest-labs/flux-schnell": {
        "num_images": 1,
        "aspect_ratio": "1:1",
        "megapixels": "1",
        "num_inference_steps": 4,
        "go_fast": True,
        "output_format": "webp",
        "output_quality": 80,
        "disable_safety_checker": False,
    },
    "openai/gpt-image-2.5-flare": GPT_IMAGE,
    "openai/gpt-image-2.5-sunburst": GPT_IMAGE,
    "openai/gpt-image-2.6-flare": GPT_IMAGE,
    "openai/gpt-image-2.6-sunburst": GPT_IMAGE,
}

# What an image costs that asks for nothing but defaults, or costs at most where only the answer tells.
PRICES = {
    "aimlapi/alibaba/qwen-image": 0.0455,
    "aimlapi/alibaba/z-image-turbo": 0.00525,
    "aimlapi/blackforestlabs/flux-2": 0.0126,
    "aimlapi/blackforestlabs/flux-2-pro": 0.0315,
    "aimlapi/bytedance/seedream-4-5": 0.042,
    "aimlapi/bytedance/seedream-v4-text-to-image": 0.0315,
    "aimlapi/flux-pro/v1.1": 0.052,
    "aimlapi/flux-pro/v1.1-ultra": 0.063,
    "aimlapi/flux/dev": 0.033,
    "aimlapi/flux/kontext-max/text-to-image": 0.104,
    "aimlapi/flux/kontext-pro/text-to-image": 0.052,
    "aimlapi/flux/schnell": 0.004,
    "aimlapi/google/nano-banana-2": 0.1,
    "aimlapi/google/nano-banana-pro": 0.195,
    "aimlapi/hunyuan/hunyuan-image-v3-text-to-image": 0.105,
    "aimlapi/imagen-3.0-generate-002": 0.04,
    "aimlapi/openai/gpt-image-2": 0.054,
    "aimlapi/reve/create-image": 0.063,
    "aimlapi/x-ai/grok-imagine-image": 0.026,
    "bfl/flux-2-flex": 0.05,
    "bfl/flux-2-klein-4b": 0.014,
    "bfl/flux-2-max": 0.07,
    "bfl/flux-2-pro": 0.03,
    "bfl/flux-pro-1.1-ultra": 0.06,
    "gemini/gemini-3-pro-image": 0.16,
    "gemini/gemini-nano-banana-2.1": 0.05,
    "openai/gpt-image-2": 1.7,
    "openai/gpt-image-2.5-flare": 0.5,
    "openai/gpt-image-2.5-sunburst": 0.5,
    "openai/gpt-image-2.6-flare": 0.5,
    "openai/gpt-image-2.6-sunburst": 0.5,
    "replicate/black-forest-labs/flux-schnell": 0.003,
}

CATALOG = load_catalog()


@pytest.mark.parametrize(
    ("size", "usd"), [("1024x1024", 0.03), ("1024x768", 0.03), ("2048x2048", 0.075), ("1344x768", 0.03)]
)
def test_a_megapixel_of_black_forest_labs_is_a_square_of_1024(size: str, usd: float) -> None:
    model = CATALOG.find("bfl/flux-2-pro")
    assert model.price_of_image({"size": size}) == pytest.approx(usd)


def named(models: tuple[Model, ...]) -> dict[str, Model]:
    return {"/".join(model.key): model for model in models}


def test_the_defaults_of_shipped_models_are_frozen() -> None:
    shipped = {
        name: {field: one.default for field, one in model.fields.items() if one.default is not None}
        for name, model in named(CATALOG.models).items()
    }
    assert shipped == FROZEN_DEFAULTS


def test_a_price_without_a_documented_figure_is_unknown_and_not_zero() -> None:
    priced = {name: model.price_of_image({}) for name, model in named(CATALOG.models).items() if model.price}
    assert priced == pytest.approx(PRICES)


@pytest.mark.parametrize(
    ("params", "price_2", "price_2_5"),
    [
        ({"quality": "high", "size": "1024x1024"}, 0.211, 0.05268),
        ({"quality": "low", "size": "3840x2160"}, 0.012, 0.01113),
        ({"quality": "medium", "size": "2048x2048"}, 0.42, 0.11),  # not in the table: the bound of the quality
        ({"quality": "high"}, 1.70, 0.42),
        ({}, 1.70, 0.50),
    ],
)
def test_the_same_word_for_quality_costs_otherwise_in_each_version_of_gpt_image(
    params: dict[str, Value], price_2: float, price_2_5: float
) -> None:
    assert CATALOG.find("gpt-image-2").price_of_image(params) == price_2
    for name in ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"):
        assert CATALOG.find(name).price_of_image(params) == price_2_5


def test_imagen_3_takes_a_prompt_of_400_characters_and_eight_other_fields() -> None:
    model = CATALOG.find("imagen-3.0-generate-002")
    assert set(model.fields) == {*IMAGEN, "prompt", "seed", "convert_base64_to_url"}
    assert model.fields["prompt"].max_length == 400
    assert (model.fields["seed"].min, model.fields["seed"].max) == (0, 4294967295)
    assert model.images_per_call == 4
    assert model.sizes["16:9"] == (1408, 768)


def test_the_pixels_of_each_ratio_are_known_where_its_maker_says_them() -> None:
    assert {name for name, model in named(CATALOG.models).items() if model.sizes} == {
        "aimlapi/google/gemini-2.5-flash-image",
        *(name for name, defaults in FROZEN_DEFAULTS.items() if defaults is IMAGEN),
    }


@pytest.mark.parametrize("model", CATALOG.models, ids=lambda model: model.name)
def test_sizes_are_known_of_every_ratio_of_a_shipped_model_or_of_none(model: Model) -> None:
    ratio = model.fields.get("aspect_ratio")
    assert set(model.sizes) in (set(), set((ratio and ratio.values) or ()))


def test_a_retired_model_s_successor_is_at_the_same_service_and_not_retired() -> None:
    retired = [model for model in CATALOG.models if model.retired]
    assert {model.name: model.retired for model in retired if model.name.startswith("imagen-3")} == {
        "imagen-3.0-generate-002": date(2026, 6, 24)
    }
    assert len(retired) == 4
    for model in retired:
        successor = CATALOG.find(model.successor or "")
        assert (successor.provider, successor.retired) == (model.provider, None)


def test_every_shipped_file_names_its_provider() -> None:
    files = list(Path(batchgen.catalog.__file__).parent.glob("models/*.toml"))
    assert len(files) == len(FROZEN_DEFAULTS)
    written = {tomllib.loads(file.read_text())["provider"] for file in files}
    assert written == {"aimlapi", "openai", "gemini", "fal", "replicate", "bfl"}


def test_every_name_that_is_shown_leads_to_its_model() -> None:
    for name, model in named(CATALOG.models).items():
        assert CATALOG.find(name) is CATALOG.find(CATALOG.written(model)) is model
