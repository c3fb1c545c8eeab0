"""The image models of the Gemini API, their sizes, and what their tokens cost.

Names and prices are from Google's price list; 1120 tokens for an image of 1K follow from it. How many pixels the four
widest shapes have, and how many tokens other sizes and thoughts count, is made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from batchgen.simulator.order import Order, Size

# Width and height in pixels at 1K, by aspect ratio.
RATIOS: Final[Mapping[str, Size]] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
}
# Of 1K, by the name of the size: how much longer a side is, and how many tokens an image counts.
SCALES: Final[Mapping[str, float]] = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
_IMAGE_TOKENS: Final[Mapping[str, int]] = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}
_CHARACTERS_OF_A_TOKEN: Final = 4
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class GeminiModel:
    """A model, and US dollars for a million of its tokens."""

    name: str
    text_in: Decimal = Decimal("1.50")
    text_out: Decimal = Decimal("7.50")
    image_out: Decimal = Decimal(30)


MODELS: Final = (
    GeminiModel("gemini-nano-banana-2.1"),
    GeminiModel("gemini-3-pro-image", Decimal(2), Decimal(12), Decimal(120)),
    GeminiModel("gemini-2.5-flash-image", Decimal("0.30"), Decimal("2.50"), Decimal(30)),
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer counts."""

    text_in: int
    image_out: int
    thoughts: int

    def price(self, model: GeminiModel) -> Decimal:
        """Return their price in US dollars: thoughts are billed as text that came out."""
        usd = self.text_in * model.text_in + self.image_out * model.image_out + self.thoughts * model.text_out
        return usd / _MILLION


def find_model(name: str) -> GeminiModel | None:
    """Return the model of this name."""
    return next((model for model in MODELS if model.name == name), None)


def model_of(order: Order) -> GeminiModel:
    """Return the model of an order; one that nothing is known of costs as the first."""
    return find_model(order.model) or MODELS[0]


def tokens_of(order: Order, images: int) -> Tokens:
    """Return what an answer with so many images counts; the prompt is counted where there are none, too."""
    text_in = max(1, len(order.prompt) // _CHARACTERS_OF_A_TOKEN)
    size = order.asked.get("imageSize", "1K")
    return Tokens(text_in, images * _IMAGE_TOKENS[size], images * (40 + len(order.prompt) % 60))
