"""The models that the simulator serves, and the validation of a request's body against them.

Names, fields and sizes are from the documentation of AI/ML API and Google. The documentation does
not say what happens to a field that a model does not have; the simulator refuses it, so that a
client that sends one is noticed. A valid body becomes an `Order`; for a wrong one there is a list of
hints in the documented form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchgen.simulator.checks import Anything, Choice, Field, Switch, Text, Whole, check
from batchgen.simulator.order import Order, Size

IMAGEN_SIZES: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "9:16": (768, 1408),
    "16:9": (1408, 768),
    "3:4": (896, 1280),
    "4:3": (1280, 896),
}
GEMINI_SIZES: Mapping[str, Size] = {
    "21:9": (1536, 672),
    "1:1": (1024, 1024),
    "4:3": (1184, 864),
    "3:2": (1248, 832),
    "2:3": (832, 1248),
    "5:4": (1152, 896),
    "4:5": (896, 1152),
    "3:4": (864, 1184),
    "16:9": (1344, 768),
    "9:16": (768, 1344),
}


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model: its names, its sizes by aspect ratio, and its fields beside `model`."""

    name: str
    aliases: tuple[str, ...]
    sizes: Mapping[str, Size]
    fields: Mapping[str, Field]


IMAGEN_FIELDS: Mapping[str, Field] = {
    "prompt": Text(longest=400),
    "convert_base64_to_url": Switch(),
    "num_images": Whole(1, 4),
    "seed": Whole(0, 4294967295),
    "enhance_prompt": Switch(),
    "aspect_ratio": Choice(tuple(IMAGEN_SIZES)),
    "person_generation": Choice(("dont_allow", "allow_adult")),
    "safety_setting": Choice(("block_low_and_above", "block_medium_and_above", "block_only_high")),
    "add_watermark": Switch(),
}
GEMINI_FIELDS: Mapping[str, Field] = {
    # The documentation states no limit; Google counts tokens, some 32,000 of them.
    "prompt": Text(longest=32_000),
    "num_images": Whole(1, 4),
    "aspect_ratio": Choice(tuple(GEMINI_SIZES)),
}


def _imagen(name: str, *aliases: str) -> ServedModel:
    return ServedModel(name, aliases, IMAGEN_SIZES, IMAGEN_FIELDS)


MODELS = (
    # The aliases are invented: the documentation says that there are some, but not which.
    _imagen("imagen-3.0-generate-002", "google/imagen-3.0-generate-002"),
    _imagen("google/imagen-4.0-generate-001", "imagen-4.0-generate-001"),
    _imagen("google/imagen-4.0-fast-generate-001", "imagen-4.0-fast-generate-001"),
    _imagen("google/imagen-4.0-ultra-generate-001", "imagen-4.0-ultra-generate-001"),
    ServedModel("google/gemini-2.5-flash-image", ("gemini-2.5-flash-image",), GEMINI_SIZES, GEMINI_FIELDS),
)


def find_model(name: str) -> ServedModel | None:
    """The model of this name or alias."""
    return next((model for model in MODELS if name == model.name or name in model.aliases), None)


def made_up_model(name: str, body: Mapping[str, Any]) -> ServedModel:
    """A model with any name that takes every field of a body; some that other models have are checked as theirs."""
    sizes = {**GEMINI_SIZES, **IMAGEN_SIZES}
    known = {
        **IMAGEN_FIELDS,
        **GEMINI_FIELDS,
        "n": Whole(1, 10),
        "seed": Whole(0, 2**63 - 1),
        "aspect_ratio": Anything(),
    }
    return ServedModel(name, (), sizes, {field: known.get(field, Anything()) for field in body if field != "model"})


def check_body(model: ServedModel, body: Mapping[str, Any]) -> list[str]:
    """What is wrong with a body, as one hint for each mistake; an empty list if it is valid."""
    given = {name: field for name, field in model.fields.items() if name in body}
    hints = [f"{name}: {hint}" for name, field in given.items() if (hint := check(field, body[name]))]
    if "prompt" not in body:
        hints.append("prompt: Expected string, received undefined")
    unknown = [name for name in body if name != "model" and name not in model.fields]
    if unknown:
        hints.append(f"Unrecognized key(s) in object: {', '.join(map(repr, unknown))}")
    return hints


def read_order(model: ServedModel, body: Mapping[str, Any]) -> Order:
    """Read a body that `check_body` found valid."""
    seed = body.get("seed")
    return Order(
        model=model.name,
        prompt=body["prompt"],
        num_images=int(body.get("num_images", body.get("n", 1))),  # some models of a made-up catalog say n
        seed=None if seed is None else int(seed),
        enhance="enhance_prompt" in model.fields and body.get("enhance_prompt", True),
        watermark=body.get("add_watermark", False),
        size=model.sizes.get(body.get("aspect_ratio", "1:1"), model.sizes["1:1"]),
        # Two sources of the documentation disagree on this default; the newer one says true.
        as_link=body.get("convert_base64_to_url", True),
    )
