"""`batchgen models`: what can be asked for, in short; or one model with everything that its file says."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any

import msgspec

from batchgen._api.models import Field, Model, Price, Size, models_of, today
from batchgen.cli.output import echo, echo_json
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import dollars

_COLUMNS = 80
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "json": "JSON"}
# What every model has, or what only chooses how images travel, says nothing in a list.
_UNSAID = ("prompt", "num_images")


def execute(options: Namespace) -> ExitCode:
    """Print the models, or one of them. Raises CatalogError, ConfigError."""
    catalog = models_of(options.config)
    if options.name is not None:
        model = catalog.find(options.name)
        if options.json:
            echo_json(_as_json(model))
        else:
            echo("\n".join(describe(model)))
        return ExitCode.OK
    models = sorted(catalog.models, key=lambda model: model.key)
    if options.json:
        echo_json({"models": [_as_json(model) for model in models]})
    else:
        echo("\n".join(_listed(models)))
    return ExitCode.OK


def describe(model: Model) -> Iterator[str]:
    """Everything that a model's file says, line by line."""
    yield "/".join(model.key)
    if model.aliases:
        yield from _entry("also", ", ".join(model.aliases))
    if retirement := model.retirement(today()):
        yield from _entry("retired", retirement)
    if model.price is None:
        yield from _entry("price", "not known before the first answer")
    else:
        for number, line in enumerate(_prices(model.price)):
            yield from _entry("" if number else "price", line)
        yield from _entry("source", model.price.source)
    most = model.images_per_call
    yield from _entry("images", "1 a call" if most == 1 else f"1 to {most} a call; num_images may ask for more")
    yield from _entry("seed", "repeats an image" if model.takes_seed else "none")
    if model.sizes:
        yield from _entry("pixels", ", ".join(f"{ratio} {w}x{h}" for ratio, (w, h) in model.sizes.items()))
    if model.size_as:
        yield from _entry("size", f"a column size goes to {' or '.join(model.size_as)}")
    yield ""
    width = max(map(len, model.fields)) + 2
    for name, field in model.fields.items():
        if field.transport is None:
            yield from _wrapped(f"  {name:<{width}}", f"{_field(field)}{_notes(name, field)}")


def _listed(models: Iterable[Model]) -> Iterator[str]:
    for model in models:
        mark = "" if model.retired is None else f"  (retirement {model.retired})"
        yield f"{'/'.join(model.key)}{mark}"
        yield from _wrapped("    ", _price_in_short(model))
        fields = [name for name, field in model.fields.items() if name not in _UNSAID and field.transport is None]
        many = f"1 to {model.images_per_call} images a call; " if model.images_per_call > 1 else ""
        yield from _wrapped("    ", many + ", ".join(fields))
    yield ""
    yield "One model with all its fields: batchgen models NAME"


def _price_in_short(model: Model) -> str:
    return "price not known" if model.price is None else f"{model.price}, {model.price.date}"


def _prices(price: Price) -> Iterator[str]:
    yield f"{price} ({price.date})"
    for case in price.cases:
        when = ", ".join(f"{name} = {_value(value)}" for name, value in case.when.items())
        yield f"{dollars(case.usd_per_image)} for {when}"
    if price.tokens is not None:
        rates = msgspec.structs.asdict(price.tokens)
        words = {"text_in": "text in", "image_in": "image in", "text_out": "text out", "image_out": "image out"}
        said = ", ".join(f"{word} {dollars(rates[name])}" for name, word in words.items() if rates[name])
        yield f"a million tokens: {said}"


def _field(field: Field) -> str:
    if field.size is not None:
        return _size(field.size)
    if field.type == "list":
        most = "" if field.max_items is None else f" of at most {field.max_items}"
        return f"list{most}, each {_field(field.item)}"
    if field.values is not None:
        return ", ".join(map(_value, field.values))
    return _TYPES[field.type] + _bounds(field)


def _size(size: Size) -> str:
    return size.allowed.removeprefix("allowed are ")


def _bounds(field: Field) -> str:
    if field.max_length is not None:
        return f", at most {field.max_length:,} characters"
    if field.min is not None and field.max is not None:
        return (
            f", {field.min:g} to {field.max:,}" if isinstance(field.max, int) else f", {field.min:g} to {field.max:g}"
        )
    if field.min is not None:
        return f", {field.min:g} or more"
    return "" if field.max is None else f", at most {field.max:,}"


def _notes(name: str, field: Field) -> str:
    default = "" if field.default is None else f"; default {_value(field.default)}"
    return f"{default}; sent as {field.path}" if field.path not in (None, name) else default


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _entry(name: str, text: str) -> Iterator[str]:
    yield from _wrapped(f"  {name:<10}", text)


def _wrapped(head: str, text: str) -> Iterator[str]:
    """Text beside a head, no line wider than a terminal; a word that is wider stays whole."""
    room = _COLUMNS - len(head)
    for number, line in enumerate(wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]):
        yield f"{' ' * len(head) if number else head}{line}".rstrip()


def _as_json(model: Model) -> dict[str, object]:
    said: dict[str, object] = _said(msgspec.to_builtins(model))
    return said | {"retirement": model.retirement(today())}


def _said(value: Any) -> Any:
    """A value without what its file does not say."""
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items() if item is not None and item != {}}
    return value
