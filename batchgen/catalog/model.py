"""What one model accepts, gives and costs, as its TOML file says it.

A model is data: nothing in the code knows the name of one. Some field names carry a meaning that is the same for every
model: `prompt`, `num_images` (its maximum is what one call gives), `seed`, `size` and `aspect_ratio`. All other fields
are passed on as they are once their value has been checked.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping

import msgspec

from batchgen.catalog.field import Field, Transport, field_inconsistencies
from batchgen.catalog.price import Price, price_inconsistencies
from batchgen.catalog.workflow import Workflow, workflow_inconsistencies
from batchgen.core.request import DEFAULT_PROVIDER, ModelKey, Scalar, Value


class Enhancement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The field that lets the service rewrite prompts, and from how many words on it keeps the result to itself."""

    field: str
    silent_from_words: int


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of the catalog. `price` is None where no figure is known: costs are then unknown, never 0.

    size_as: where it has no field `size`, those that together say it: one takes ratios, another words such as 2K.
    drops_blocked: its safety filter leaves images out of the answer without a word; for other models a missing image is
    an error of the moment. retired: from which day on its maker no longer offers it, as announced; only the service
    knows whether it still answers. successor: the name of the model to take instead.
    workflow: the graph that the fields are written into, for a service that runs one; its hash is part of what is
    asked for.
    """

    name: str
    fields: dict[str, Field]
    provider: str = DEFAULT_PROVIDER
    aliases: tuple[str, ...] = ()
    sizes: dict[str, tuple[int, int]] = {}  # aspect ratio -> width, height in pixels
    size_as: tuple[str, ...] = ()
    seed_disabled_by: str | None = None
    drops_blocked: bool = False
    enhancement: Enhancement | None = None
    price: Price | None = None
    retired: datetime.date | None = None
    successor: str | None = None
    workflow: Workflow | None = None

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
        return self.price.of_image(values, self._pixels(values))

    @property
    def most_usd_per_image(self) -> float | None:
        """The dearest image that the catalog knows of, None if it knows no bound."""
        if self.price is None:
            return None
        size = self.fields["size"].size if "size" in self.fields else None
        known = [width * height for width, height in self.sizes.values()]
        most = max(known, default=None) if size is None else size.most_pixels
        return self.price.most_usd_per_image(most)

    def size_in_fields(self, text: str) -> tuple[str, Scalar]:
        """Return which field of `size_as` takes a size, and its value. Raises ValueError with what is allowed."""
        for name in self.size_as:
            for value in self.fields[name].values or ():
                if str(value).casefold() == text.strip().casefold():
                    return name, value
        known = [f"{', '.join(map(str, self.fields[name].values or ()))} ({name})" for name in self.size_as]
        raise ValueError(f"allowed are {' or '.join(known)}")

    @property
    def transport(self) -> tuple[str, Transport] | None:
        """Name and values of the field that chooses between links and base64, if the model has one."""
        for name, field in self.fields.items():
            if field.transport is not None:
                return name, field.transport
        return None

    def _pixels(self, values: Mapping[str, Value]) -> tuple[int, int] | None:
        """Width and height of an image that is asked for with these values, as far as they say it."""
        field, size = self.fields.get("size"), values.get("size")
        if field is not None and field.size is not None and isinstance(size, str):
            return field.size.pixels_of(size)
        return self.sizes.get(str(values.get("aspect_ratio")))


def inconsistencies(model: Model) -> list[str]:
    """Say in which ways a model's file contradicts itself, each as `key: what is wrong`."""
    found = [*_reserved_name_inconsistencies(model)]
    if not model.name.isprintable() or not model.name.strip():
        found.append("name: must be printable and not empty")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", model.provider):
        found.append("provider: must have letters, digits, - and _ only")
    for name, field in model.fields.items():
        found += [f"fields.{name}.{text}" for text in field_inconsistencies(field)]
    if model.workflow is not None:
        found += workflow_inconsistencies(model.workflow, model.fields)
    found += _path_inconsistencies(model)
    if sum(field.transport is not None for field in model.fields.values()) > 1:
        found.append("fields: only one field can choose the transport")
    if model.size_as and "size" in model.fields:
        found.append("size_as: the model has a field size")
    found += [f"size_as: {name!r} is not a field with values" for name in model.size_as if not _has_values(model, name)]
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
        for path in field.places(name):
            if not all(path):
                yield f"fields.{name}.path: must be keys joined by dots, not {field.path!r}"
            for other, owner in paths.items():
                if other == path[: len(other)] or path == other[: len(path)]:
                    yield f"fields.{name}.path: {'.'.join(path)} is in the way of the field {owner}"
        paths |= dict.fromkeys(field.places(name), name)


def _has_values(model: Model, name: str) -> bool:
    return name in model.fields and bool(model.fields[name].values)


def _switches(model: Model) -> list[tuple[str, str]]:
    switches = [] if model.seed_disabled_by is None else [("seed_disabled_by", model.seed_disabled_by)]
    return switches if model.enhancement is None else [*switches, ("enhancement.field", model.enhancement.field)]
