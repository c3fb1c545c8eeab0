"""The image models of OpenAI, what each takes, and what its images count as tokens.

Names, fields and bounds are from OpenAI's documentation and SDK. The tokens of an image are known for some qualities
and sizes only (high, 1024 x 1024: 7,033 with gpt-image-2, 1,756 with 2.5, by their prices); the others are in
proportion, and made up where nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchgen.simulator.checks import Choice, Field, Text, Whole, check
from batchgen.simulator.order import Order, Size
from batchgen.simulator.settings import ImageFormat

_QUALITIES = ("low", "medium", "high", "auto")
_FIELDS: Mapping[str, Field] = {
    "prompt": Text(longest=32_000),
    "n": Whole(1, 10),
    "size": Text(longest=20),
    "quality": Choice(_QUALITIES),
    "background": Choice(("transparent", "opaque", "auto")),
    "output_format": Choice(("png", "jpeg", "webp")),
    "output_compression": Whole(0, 100),
    "moderation": Choice(("auto", "low")),
    "safety_identifier": Text(longest=64),
    "user": Text(longest=64),
}
_MORE_QUALITIES: Mapping[str, Field] = {**_FIELDS, "quality": Choice((*_QUALITIES, "xhigh", "max"))}
_AND_COMPLEXITY: Mapping[str, Field] = {**_MORE_QUALITIES, "complexity": Choice(("low", "medium", "high"))}
_TOKENS_OF_QUALITY = {"low": 0.065, "medium": 0.25, "high": 1.0, "xhigh": 1.5, "max": 2.0}


@dataclass(frozen=True, slots=True)
class ImageModel:
    """A model of OpenAI. high_tokens: what an image of high quality with 1024 x 1024 pixels counts."""

    name: str
    high_tokens: int
    fields: Mapping[str, Field]


MODELS = (
    ImageModel("gpt-image-2", 7033, _FIELDS),
    ImageModel("gpt-image-2.5-sunburst", 1756, _MORE_QUALITIES),
    ImageModel("gpt-image-2.5-flare", 1756, _MORE_QUALITIES),
    ImageModel("gpt-image-2.6-sunburst", 1756, _AND_COMPLEXITY),
    ImageModel("gpt-image-2.6-flare", 1756, _AND_COMPLEXITY),
)
# For servers of which nothing is known: they take any field, and their images cost as many tokens as the cheapest.
ANY_MODEL = ImageModel("", 1756, {})


def find_model(name: str) -> ImageModel | None:
    """Return the model of this name."""
    return next((model for model in MODELS if model.name == name), None)


def mistake_in(model: ImageModel, body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the first field of a body that is wrong, and what is wrong with it; None if all are right."""
    if not isinstance(body.get("prompt"), str):
        return "prompt", "Missing required parameter: 'prompt'."
    for name, value in body.items():
        if name == "model" or not model.fields:
            continue
        if name not in model.fields:
            return name, f"Unknown parameter: '{name[:80]}'."
        if hint := check(model.fields[name], value):
            return name, f"Invalid value for '{name}': {hint}."
    if read_size(body.get("size", "auto")) is None:
        return "size", "Invalid size: width and height are multiples of 16, at most 3840x2160, from 1:3 to 3:1."
    return None


def read_size(text: str) -> Size | None:
    """Return width and height in pixels for a size; None for one that is not offered."""
    if text == "auto":
        return 1024, 1024
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text, re.ASCII)
    if found is None:
        return None
    width, height = int(found[1]), int(found[2])
    fits = max(width, height) <= 3840 and min(width, height) <= 2160 and width % 16 == height % 16 == 0
    return (width, height) if fits and 1 / 3 <= width / height <= 3 else None


def resolved_quality(order: Order) -> str:
    """Return the quality that is made: where the service chooses, it takes the middle."""
    asked = str(order.asked.get("quality", "auto"))
    return asked if asked in _TOKENS_OF_QUALITY else "medium"


def tokens_of_image(order: Order) -> int:
    """Return how many tokens one image of an order counts."""
    model = find_model(order.model) or ANY_MODEL
    width, height = order.size
    return max(1, round(model.high_tokens * _TOKENS_OF_QUALITY[resolved_quality(order)] * width * height / 1024**2))


def tokens_of_prompt(order: Order) -> int:
    """Return how many tokens a prompt counts, at four characters each."""
    return max(1, len(order.prompt) // 4)


def read_order(body: Mapping[str, Any]) -> Order:
    """Read a body in which `mistake_in` found none."""
    seed = body.get("seed")
    return Order(
        model=body["model"],
        prompt=body["prompt"],
        num_images=int(body.get("n", 1)),
        seed=seed if isinstance(seed, int) else None,
        enhance=False,
        watermark=False,
        size=read_size(body.get("size", "auto")) or (1024, 1024),
        as_link=body.get("response_format") == "url",
        image_format=ImageFormat(body["output_format"]) if body.get("output_format") in set(ImageFormat) else None,
        asked=body,
    )
