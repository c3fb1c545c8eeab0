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

Size = tuple[int, int]

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
class Text:
    """A field that takes text of 1 to `longest` characters."""

    longest: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A field that takes a whole number from `least` to `most`."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Anything:
    """A field that takes any value."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A field that takes one of some words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """A field that takes true or false."""


Field = Text | Whole | Choice | Switch | Anything


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model: its names, its sizes by aspect ratio, and its fields beside `model`."""

    name: str
    aliases: tuple[str, ...]
    sizes: Mapping[str, Size]
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request: what to draw, and how to answer."""

    model: str
    prompt: str
    num_images: int
    seed: int | None
    enhance: bool
    watermark: bool
    size: Size
    as_link: bool


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
    """A model with any name that takes every field of a body; fields that other models have are checked as theirs."""
    sizes = {**GEMINI_SIZES, **IMAGEN_SIZES}
    known = {**IMAGEN_FIELDS, **GEMINI_FIELDS, "aspect_ratio": Choice(tuple(sizes))}
    return ServedModel(name, (), sizes, {field: known.get(field, Anything()) for field in body if field != "model"})


def check_body(model: ServedModel, body: Mapping[str, Any]) -> list[str]:
    """What is wrong with a body, as one hint for each mistake; an empty list if it is valid."""
    given = {name: field for name, field in model.fields.items() if name in body}
    hints = [f"{name}: {hint}" for name, field in given.items() if (hint := _check(field, body[name]))]
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
        num_images=int(body.get("num_images", 1)),
        seed=None if seed is None else int(seed),
        enhance="enhance_prompt" in model.fields and body.get("enhance_prompt", True),
        watermark=body.get("add_watermark", False),
        size=model.sizes[body.get("aspect_ratio", "1:1")],
        # Two sources of the documentation disagree on this default; the newer one says true.
        as_link=body.get("convert_base64_to_url", True),
    )


def _check(field: Field, value: Any) -> str | None:
    """The hint for one value, in the words of the service's validator; None if it is valid."""
    match field:
        case Text(longest):
            return _check_text(value, longest)
        case Whole(least, most):
            return _check_whole(value, least, most)
        case Choice(words):
            expected = " | ".join(f"'{word}'" for word in words)
            return None if value in words else f"Invalid enum value. Expected {expected}, received {_name(value)}"
        case Anything():
            return None
        case Switch():
            return None if isinstance(value, bool) else f"Expected boolean, received {_type(value)}"


def _check_text(value: Any, longest: int) -> str | None:
    if not isinstance(value, str):
        return f"Expected string, received {_type(value)}"
    if not value:
        return "String must contain at least 1 character(s)"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "Expected Unicode, received half of a surrogate pair"
    return f"String must contain at most {longest} character(s)" if len(value) > longest else None


def _check_whole(value: Any, least: int, most: int) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"Expected number, received {_type(value)}"
    if isinstance(value, float) and not value.is_integer():
        return "Expected integer, received float"
    if value < least:
        return f"Number must be greater than or equal to {least}"
    return f"Number must be less than or equal to {most}" if value > most else None


def _type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"


def _name(value: Any) -> str:
    return f"'{value[:80]}'" if isinstance(value, str) else _type(value)
