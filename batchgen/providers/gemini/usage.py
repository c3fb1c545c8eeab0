"""What a call cost, from the tokens that its answer counts in `usageMetadata`.

From Google's documentation: prompt and candidates are counted by modality, thoughts beside them and billed as output.
Tokens whose modality is not said are taken to be the dearer ones: text of a prompt, images of an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from batchgen.catalog import TokenRates

# More than any answer counts: a larger number is a mistake.
_MOST_TOKENS: Final = 1_000_000_000


def cost_of_tokens(usage: object, rates: TokenRates) -> float | None:
    """Return US dollars for the tokens of a decoded `usageMetadata`; None if it counts none."""
    if not isinstance(usage, Mapping) or "promptTokenCount" not in usage:
        return None
    prompt, image_in = _count(usage.get("promptTokenCount")), _of_images(usage.get("promptTokensDetails"))
    made, image_out = _count(usage.get("candidatesTokenCount")), _of_images(usage.get("candidatesTokensDetails"))
    thoughts = _count(usage.get("thoughtsTokenCount"))
    if not usage.get("candidatesTokensDetails"):
        image_out = made
    return rates.cost_usd(
        text_in=max(prompt - image_in, 0),
        image_in=image_in,
        text_out=max(made - image_out, 0) + thoughts,
        image_out=image_out,
    )


def _of_images(details: object) -> int:
    """How many tokens are those of images."""
    if not isinstance(details, list):
        return 0
    return sum(
        _count(detail.get("tokenCount"))
        for detail in details
        if isinstance(detail, Mapping) and detail.get("modality") == "IMAGE"
    )


def _count(value: object) -> int:
    """A number of tokens; JSON of Google may write whole numbers as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value <= _MOST_TOKENS else 0
