"""Bodies of successful answers, in both shapes that AI/ML API's documentation shows, and what is in them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from batchgen.simulator.order import Inline, Item, Linked, Order
from batchgen.simulator.settings import AnswerShape, ImageContent, ImageFormat, SimulatorSettings

# Google returns the rewritten prompt only where the original is shorter than this.
ENHANCED_BELOW_WORDS = 30

_LIGHTS = ("in soft morning light", "at golden hour", "under a clear pale sky", "lit from one side by a low sun")
_LOOKS = ("with fine natural texture", "with rich but calm colours", "with crisp detail in the foreground")
_FRAMES = ("composed with generous empty space", "seen at eye level", "framed a little off centre")
_MOODS = ("The mood is quiet and attentive.", "The mood is warm and unhurried.", "The mood is bright and open.")


def enhance(prompt: str) -> str | None:
    """The rewritten prompt, always the same for the same prompt; None for 30 words and more, as the service does.

    The result may be longer than the 400 characters that a request allows, as in the real service.
    """
    if len(prompt.split()) >= ENHANCED_BELOW_WORDS:
        return None
    chance = random.Random(prompt)  # noqa: S311  (not for secrets: the same prompt, the same result)
    details = ", ".join(chance.choice(part) for part in (_LIGHTS, _LOOKS, _FRAMES))
    return f"{prompt.rstrip(' .')}, {details}. {chance.choice(_MOODS)}"


def format_answer(
    settings: SimulatorSettings,
    items: Sequence[Item],
    order: Order,
    enhanced_prompt: str | None,
    credits_used: int | None,
) -> bytes:
    """The JSON body of an answer. The old shape has no links: an answer with links uses the new one."""
    if settings.answer_shape is AnswerShape.OLD and not order.as_link:
        return msgspec.json.encode(_old_answer(items, order, enhanced_prompt))
    image_format = settings.image_format if settings.image_content is ImageContent.DRAWN else ImageFormat.PNG
    data = [_describe(item, f"image/{image_format}", enhanced_prompt) for item in items]
    usage = {"usage": {} if credits_used is None else {"credits_used": credits_used}}
    return msgspec.json.encode({"data": None if settings.empty_as_null and not data else data, "meta": usage})


def _describe(item: Item, mime_type: str, enhanced_prompt: str | None) -> dict[str, Any]:
    described: dict[str, Any] = {"mime_type": mime_type}
    match item:
        case Inline(quoted):
            described["b64_json"] = msgspec.Raw(quoted)
        case Linked(url):
            described["url"] = url
    if enhanced_prompt is not None:
        described["prompt"] = enhanced_prompt
    return described


def _old_answer(items: Sequence[Item], order: Order, enhanced_prompt: str | None) -> dict[str, Any]:
    return {
        "status": "finished",
        "prompt": [enhanced_prompt or order.prompt],
        "model": order.model,
        "model_owner": "simulator",
        "num_returns": len(items),
        "args": {},
        "subjobs": [],
        "output": {
            "choices": [{"image_base64": msgspec.Raw(item.quoted_base64)} for item in items if isinstance(item, Inline)]
        },
    }
