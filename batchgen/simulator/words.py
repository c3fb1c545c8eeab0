"""Enhanced prompts: the simulator's rewriting of a short prompt, always the same for the same prompt."""

from __future__ import annotations

import random

# Google returns the rewritten prompt only where the original is shorter than this.
ENHANCED_BELOW_WORDS = 30

_LIGHTS = ("in soft morning light", "at golden hour", "under a clear pale sky", "lit from one side by a low sun")
_LOOKS = ("with fine natural texture", "with rich but calm colours", "with crisp detail in the foreground")
_FRAMES = ("composed with generous empty space", "seen at eye level", "framed a little off centre")
_MOODS = ("The mood is quiet and attentive.", "The mood is warm and unhurried.", "The mood is bright and open.")


def enhance(prompt: str) -> str | None:
    """The rewritten prompt, or None where the service would return none: for 30 words and more.

    The result may be longer than the 400 characters that a request allows, as the service's may.
    """
    if len(prompt.split()) >= ENHANCED_BELOW_WORDS:
        return None
    chance = random.Random(prompt)  # noqa: S311  (not for secrets: the same prompt, the same words)
    details = ", ".join(chance.choice(part) for part in (_LIGHTS, _LOOKS, _FRAMES))
    return f"{prompt.rstrip(' .')}, {details}. {chance.choice(_MOODS)}"
