"""What one model accepts, gives and costs, as its TOML file says it.

A model is data: nothing in the code knows the name of one. Four field names carry a meaning that is
the same for every model: `prompt`, `num_images` (its maximum is what one call gives), `seed` and
`aspect_ratio`. All other fields are passed on as they are once their value has been checked.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from batchgen.catalog.price import Price, price_inconsistencies
from batchgen.core.request import DEFAULT_PROVIDER, ModelKey, Value

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


class Transport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of a field that only chooses how images travel, never what they show."""

    link: Value
    base64: Value


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a model's request body.

    min, max: bounds of a number, both allowed. max_length: characters of a string. default: what
    the service uses where nothing is sent; frozen once shipped, since fingerprints leave defaults
    out. transport: set on the one field that chooses between links and base64. path: the field's place in the body that
    is sent, its keys joined by dots; None for one on top, of the field's own name.
    """

    type: Literal["string", "integer", "number", "boolean"]
    min: int | float | None = None
    max: int | float | None = None
    values: tuple[Value, ...] | None = None
    max_length: int | None = None
    default: Value | None = None
    transport: Transport | None = None
    path: str | None = None

    def accepts(self, value: Value) -> bool:
        """Whether a value of the right type lies within what the model takes."""
        if not isinstance(value, _TYPES[self.type]) or (isinstance(value, bool) and self.type != "boolean"):
            return False
        if self.values is not None and value not in self.values:
            return False
        if isinstance(value, str):
            return self.max_length is None or len(value) <= self.max_length
        if isinstance(value, float) and not math.isfinite(value):
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Enhancement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The field that lets the service rewrite prompts, and from how many words on it keeps the result to itself."""

    field: str
    silent_from_words: int


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of the catalog. `price` is None where no figure is known: costs are then unknown, never 0.

    drops_blocked: its safety filter leaves images out of the answer without a word; for other models a missing image is
    an error of the moment. retired: from which day on its maker no longer offers it, as announced; only the service
    knows whether it still answers. successor: the name of the model to take instead.
    """

    name: str
    fields: dict[str, Field]
    provider: str = DEFAULT_PROVIDER
    aliases: tuple[str, ...] = ()
    sizes: dict[str, tuple[int, int]] = {}  # aspect ratio -> width, height in pixels
    seed_disabled_by: str | None = None
    drops_blocked: bool = False
    enhancement: Enhancement | None = None
    price: Price | None = None
    retired: datetime.date | None = None
    successor: str | None = None

    def retirement(self, today: datetime.date) -> str | None:
        """Say that the model is retired or will be, and what to take instead; None if nothing of it is known."""
        if self.retired is None:
            return None
        instead = f"; its successor is {self.successor}" if self.successor else ""
        if self.retired > today:
            return f"{self.name} will be retired by its maker on {self.retired}{instead}"
        return f"{self.name} was retired by its maker on {self.retired}, and the service may refuse it{instead}"

    @property
    def key(self) -> ModelKey:
        """What requests and records name it by."""
        return self.provider, self.name

    @property
    def takes_seed(self) -> bool:
        """Whether a seed makes the model repeat itself."""
        return "seed" in self.fields

    @property
    def images_per_call(self) -> int:
        """How many images one call can give: 1 for a model without the field `num_images`."""
        field = self.fields.get("num_images")
        return 1 if field is None else int(field.max or 1)

    def price_of_image(self, params: Mapping[str, Value]) -> float | None:
        """Return what an image costs in US dollars, or costs at most, by the catalog; None where nothing is known.

        params: what is asked for; a field that is not in it has its default.
        """
        if self.price is None:
            return None
        defaults = {name: field.default for name, field in self.fields.items() if field.default is not None}
        values = {**defaults, **params}
        return self.price.of_image(values, self.sizes.get(str(values.get("aspect_ratio"))))

    @property
    def transport(self) -> tuple[str, Transport] | None:
        """Name and values of the field that chooses between links and base64, if the model has one."""
        for name, field in self.fields.items():
            if field.transport is not None:
                return name, field.transport
        return None


def inconsistencies(model: Model) -> list[str]:
    """Say in which ways a model's file contradicts itself, each as `key: what is wrong`."""
    found = [*_reserved_name_inconsistencies(model)]
    if not model.name.isprintable() or not model.name.strip():
        found.append("name: must be printable and not empty")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", model.provider):
        found.append("provider: must have letters, digits, - and _ only")
    for name, field in model.fields.items():
        found += [f"fields.{name}.{text}" for text in _field_inconsistencies(field)]
    found += _path_inconsistencies(model)
    if sum(field.transport is not None for field in model.fields.values()) > 1:
        found.append("fields: only one field can choose the transport")
    for key, name in _switches(model):
        if name not in model.fields or model.fields[name].type != "boolean":
            found.append(f"{key}: {name!r} is not a boolean field of this model")
    ratio = model.fields.get("aspect_ratio")
    ratios = (ratio and ratio.values) or ()
    found += [f"sizes.{size!r}: is not a value of the field aspect_ratio" for size in model.sizes if size not in ratios]
    if model.price is not None:
        found += price_inconsistencies(model.price, model.fields)
    return found


def _reserved_name_inconsistencies(model: Model) -> Iterator[str]:
    prompt = model.fields.get("prompt")
    if prompt is None or prompt.type != "string":
        yield 'fields.prompt: every model needs this field, with type = "string"'
    for name in ("id", "model"):
        if name in model.fields:
            yield f"fields.{name}: this name belongs to the manifest and cannot be a field"
    for name in ("seed", "num_images"):
        if name in model.fields and model.fields[name].type != "integer":
            yield f'fields.{name}.type: must be "integer"'
    num_images = model.fields.get("num_images")
    if num_images is not None and (num_images.min != 1 or num_images.max is None):
        yield "fields.num_images: needs min = 1, and max = the images that one call gives"


def _path_inconsistencies(model: Model) -> Iterator[str]:
    """Paths that are none, and fields that would be written over each other."""
    paths: dict[tuple[str, ...], str] = {}
    for name, field in model.fields.items():
        path = tuple((field.path or name).split("."))
        if not all(path):
            yield f"fields.{name}.path: must be keys joined by dots, not {field.path!r}"
        for other, owner in paths.items():
            if other == path[: len(other)] or path == other[: len(path)]:
                yield f"fields.{name}.path: {'.'.join(path)} is in the way of the field {owner}"
        paths[path] = name


def _field_inconsistencies(field: Field) -> list[str]:
    found = []
    if field.type not in ("integer", "number") and (field.min is not None or field.max is not None):
        found.append("min, max: only numbers have bounds")
    if field.min is not None and field.max is not None and field.min > field.max:
        found.append("min: is larger than max")
    if field.max_length is not None and field.type != "string":
        found.append("max_length: only strings have a length")
    bare = Field(type=field.type, min=field.min, max=field.max, max_length=field.max_length)
    found += [
        f"values: {value!r} is not a valid {field.type} here" for value in field.values or () if not bare.accepts(value)
    ]
    if field.default is not None and not field.accepts(field.default):
        found.append(f"default: {field.default!r} is not a value the field accepts")
    if field.transport is not None:
        if field.default is not None:
            found.append("default: a transport field is always sent and needs no default")
        found += [
            f"transport: {value!r} is not a value the field accepts"
            for value in (field.transport.link, field.transport.base64)
            if not field.accepts(value)
        ]
    return found


def _switches(model: Model) -> list[tuple[str, str]]:
    switches = [] if model.seed_disabled_by is None else [("seed_disabled_by", model.seed_disabled_by)]
    return switches if model.enhancement is None else [*switches, ("enhancement.field", model.enhancement.field)]
