"""The body of a request: what it may hold, in the names of Google's SDK, and the order that it is.

Google's servers take names in camel case and in snake case, and refuse a name that they do not know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn

from batchgen.simulator.checks import Whole, check
from batchgen.simulator.dialects.gemini.models import RATIOS, SCALES
from batchgen.simulator.faults import FaultKind
from batchgen.simulator.order import Order
from batchgen.simulator.refusals import Refusal

_TOP: Final = frozenset(
    {"contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig", "cachedContent"}
    | {"labels", "serviceTier", "store"}
)
_GENERATION: Final = frozenset(
    {"temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed", "responseMimeType"}
    | {"responseModalities", "presencePenalty", "frequencyPenalty", "thinkingConfig", "imageConfig", "mediaResolution"}
)
_IMAGE: Final = frozenset({"aspectRatio", "imageSize", "personGeneration"})
_CONTENT: Final = frozenset({"role", "parts"})
_PART: Final = frozenset({"text", "inlineData", "fileData", "thought", "thoughtSignature", "mediaResolution"})
_PEOPLE: Final = ("ALLOW_ALL", "ALLOW_ADULT", "ALLOW_NONE")
_SEED: Final = Whole(-(2**31), 2**31 - 1)


def read_body(model: str, body: Any) -> Order:
    """Return what a body asks a model for. Raises Refusal."""
    top = _object(body, _TOP, "")
    config = _object(top.get("generationConfig", {}), _GENERATION, "generation_config")
    image = _object(config.get("imageConfig", {}), _IMAGE, "generation_config.image_config")
    ratio, size = image.get("aspectRatio", "1:1"), image.get("imageSize", "1K")
    _choice("aspect_ratio", ratio, RATIOS)
    _choice("image_size", size, SCALES)
    _choice("person_generation", image.get("personGeneration", _PEOPLE[0]), _PEOPLE)
    modalities = config.get("responseModalities", ["TEXT", "IMAGE"])
    if not isinstance(modalities, list) or "IMAGE" not in modalities:
        asked = ", ".join(map(str, modalities)) if isinstance(modalities, list) else str(modalities)
        _refuse(f"The requested combination of response modalities ({asked}) is not supported by the model.")
    if config.get("candidateCount", 1) != 1:
        _refuse("Multiple candidates is not enabled for this model")
    if "seed" in config and check(_SEED, config["seed"]):
        _refuse(f"Invalid value at 'generation_config.seed' (TYPE_INT32), {config['seed']!r}")
    width, height = RATIOS[ratio]
    return Order(
        model=model,
        prompt=_prompt(top.get("contents")),
        num_images=1,
        seed=int(config["seed"]) if "seed" in config else None,
        enhance=False,
        watermark=False,
        size=(int(width * SCALES[size]), int(height * SCALES[size])),
        as_link=False,
        asked={"imageSize": size},
    )


def _prompt(contents: object) -> str:
    """The words of what the user says last."""
    if not isinstance(contents, list) or not contents:
        _refuse("* GenerateContentRequest.contents: contents is not specified")
    texts: list[str] = []
    for number, item in enumerate(contents):
        content = _object(item, _CONTENT, f"contents[{number}]")
        parts = content.get("parts")
        parts = [_object(part, _PART, f"contents[{number}].parts") for part in parts] if isinstance(parts, list) else []
        if not any(isinstance(part.get("text"), str) or "inlineData" in part for part in parts):
            _refuse(f"* GenerateContentRequest.contents[{number}].parts: contents.parts must not be empty.")
        if content.get("role", "user") == "user":
            texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    prompt = "\n".join(texts)
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        _refuse("Invalid JSON payload received. A text is not valid UTF-8")
    return prompt


def _object(value: object, names: Collection[str], place: str) -> Mapping[str, Any]:
    """An object with its names in camel case, all of them known."""
    if not isinstance(value, dict):
        _refuse(f"Invalid value at '{place}', expected an object" if place else "Invalid JSON payload received.")
    found = {_camel(name): item for name, item in value.items()}
    unknown = [name for name in value if _camel(name) not in names]
    at = f" at '{place}'" if place else ""
    if unknown:
        words = (f'Unknown name "{name[:80]}"{at}: Cannot find field.' for name in unknown)
        _refuse(f"Invalid JSON payload received. {' '.join(words)}")
    return found


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _choice(name: str, value: object, allowed: Collection[str]) -> None:
    if not isinstance(value, str) or value not in allowed:
        _refuse(f"{name} must be one of {', '.join(repr(one) for one in allowed)}.")


def _refuse(message: str) -> NoReturn:
    raise Refusal(400, message, outcome=FaultKind.BAD_REQUEST)
