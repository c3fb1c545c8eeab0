"""One field of a model's request body, as its TOML file describes it: type, bounds, default, its place in the body."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from batchgen.catalog.size import Size, size_inconsistencies
from batchgen.core.request import Scalar, Value

ScalarType = Literal["string", "integer", "number", "boolean"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


class Transport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of a field that only chooses how images travel, never what they show."""

    link: Scalar
    base64: Scalar


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a model's request body.

    type: `list` is one of scalars, `json` any JSON, `size` what `size` says. items: the type of what a list holds; the
    bounds below are then those of each item. max_items: how many it holds at most.
    min, max: bounds of a number, both allowed. max_length: characters of a string. default: what
    the service uses where nothing is sent; frozen once shipped, since fingerprints leave defaults
    out. transport: set on the one field that chooses between links and base64. path: the field's place in the body that
    is sent, its keys joined by dots; None for one on top, of the field's own name.
    """

    type: Literal["string", "integer", "number", "boolean", "list", "json", "size"]
    min: int | float | None = None
    max: int | float | None = None
    values: tuple[Scalar, ...] | None = None
    max_length: int | None = None
    items: ScalarType | None = None
    max_items: int | None = None
    size: Size | None = None
    default: Value | None = None
    transport: Transport | None = None
    path: str | None = None

    @property
    def item(self) -> Field:
        """The field of one item of a list."""
        kind = self.items or "string"
        return Field(type=kind, min=self.min, max=self.max, values=self.values, max_length=self.max_length)

    def accepts(self, value: Value) -> bool:
        """Whether a value of the right type lies within what the model takes."""
        if self.type == "json":
            return True
        if self.type == "list":
            fits = isinstance(value, list) and len(value) <= (self.max_items or math.inf)
            return fits and isinstance(value, list) and all(map(self.item.accepts, value))
        if self.type == "size":
            return isinstance(value, str) and self._is_size(value)
        if isinstance(value, list | dict) or not isinstance(value, _TYPES[self.type]):
            return False
        if isinstance(value, bool) and self.type != "boolean":
            return False
        if self.values is not None and value not in self.values:
            return False
        if isinstance(value, str):
            return self.max_length is None or len(value) <= self.max_length
        if isinstance(value, float) and not math.isfinite(value):
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def places(self, name: str) -> list[tuple[str, ...]]:
        """Return where in the body the field of this name stands: its keys, from the top."""
        path = tuple((self.path or name).split("."))
        if self.size is not None and self.size.write == "fields":
            return [(*path[:-1], "width"), (*path[:-1], "height")]
        return [path]

    def put(self, body: dict[str, Any], name: str, value: Value) -> None:
        """Write a value into a body where it belongs."""
        written: object = self.size.written(value) if self.size is not None and isinstance(value, str) else value
        places = self.places(name)
        items = list(written.values()) if len(places) > 1 and isinstance(written, dict) else [written]
        for path, item in zip(places, items, strict=True):
            place = body
            for folder in path[:-1]:
                place = place.setdefault(folder, {})
            place[path[-1]] = item

    def _is_size(self, value: str) -> bool:
        try:
            return self.size is not None and self.size.read(value) == value
        except ValueError:
            return False


def field_inconsistencies(field: Field) -> Iterator[str]:
    """Say in which ways a field contradicts itself, each as `key: what is wrong`."""
    kind = field.items if field.type == "list" else field.type
    yield from _of_type(field)
    yield from _of_bounds(field, kind)
    if field.size is not None:
        yield from size_inconsistencies(field.size)
    if field.default is not None and not field.accepts(field.default):
        yield f"default: {field.default!r} is not a value the field accepts"
    if field.transport is not None:
        if field.default is not None:
            yield "default: a transport field is always sent and needs no default"
        for value in (field.transport.link, field.transport.base64):
            if not field.accepts(value):
                yield f"transport: {value!r} is not a value the field accepts"


def _of_type(field: Field) -> Iterator[str]:
    if (field.type == "list") != (field.items is not None):
        yield "items: a list needs the type of its items, and nothing else has one"
    if field.max_items is not None and field.type != "list":
        yield "max_items: only lists have items"
    if (field.type == "size") != (field.size is not None):
        yield 'size: a field of type = "size" needs it, and no other has it'


def _of_bounds(field: Field, kind: str | None) -> Iterator[str]:
    if kind not in ("integer", "number") and (field.min is not None or field.max is not None):
        yield "min, max: only numbers have bounds"
    if field.min is not None and field.max is not None and field.min > field.max:
        yield "min: is larger than max"
    if field.max_length is not None and kind != "string":
        yield "max_length: only strings have a length"
    if field.values is not None and kind not in _TYPES:
        yield "values: JSON and sizes have none"
    elif field.values is not None:
        bare = msgspec.structs.replace(field.item if field.type == "list" else field, values=None)
        wrong = (value for value in field.values if not bare.accepts(value))
        yield from (f"values: {value!r} is not a valid {kind} here" for value in wrong)
