"""What a call cost, from the tokens that its answer counts.

From OpenAI's documentation: `usage` has `input_tokens_details` with `text_tokens` and `image_tokens`, `output_tokens`,
and in newer answers `output_tokens_details` with the same two.
"""

from __future__ import annotations

from typing import Final

import msgspec

from batchgen.catalog import TokenRates

# The text around images is short; beyond that it is no place to look for a price.
_MAX_BYTES: Final = 64 * 1024


class _Details(msgspec.Struct):
    text_tokens: int = 0
    image_tokens: int = 0


class _Usage(msgspec.Struct):
    input_tokens: int
    output_tokens: int
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Counted(msgspec.Struct):
    usage: _Usage


_DECODER: Final = msgspec.json.Decoder(_Counted)


def cost_of_tokens(text: bytes, rates: TokenRates) -> float | None:
    """Return US dollars for the tokens that the text of an answer counts; None if it counts none."""
    if len(text) > _MAX_BYTES:
        return None
    try:
        usage = _DECODER.decode(text).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    taken = usage.input_tokens_details or _Details(text_tokens=usage.input_tokens)
    given = usage.output_tokens_details or _Details(image_tokens=usage.output_tokens)
    counts = (taken.text_tokens, taken.image_tokens, given.text_tokens, given.image_tokens)
    if min(counts) < 0:
        return None
    return rates.cost_usd(text_in=counts[0], image_in=counts[1], text_out=counts[2], image_out=counts[3])
