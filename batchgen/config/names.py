"""Settings by dotted name: `limits.concurrency`, and `providers.fal.limits.concurrency` for one provider.

A setting of one provider has a common one that it overrides: that of `[api]`, of `[limits]` or of the top
level. `columns` and `defaults` are each one setting with a table as its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from batchgen.config.settings import ProviderOverrides, RunConfig
from batchgen.core.request import DEFAULT_PROVIDER

Setting = object  # a value as TOML or the command line gives it, before it is checked

# How many tables stand around a setting at most.
_TABLES_MAX = {"providers": 3, "columns": 0, "defaults": 0}

_OF_PROVIDER = re.compile(r"providers\.([A-Za-z0-9_-]+)\.(.+)", re.DOTALL)


def flatten(tree: Mapping[str, Setting]) -> dict[tuple[str, ...], Setting]:
    """Return the settings of a file by their keys from the outermost table down."""
    flat: dict[tuple[str, ...], Setting] = {}
    for key, value in tree.items():
        flat |= _flatten((key,), value, _TABLES_MAX.get(key, 1))
    return flat


def _flatten(keys: tuple[str, ...], value: Setting, depth: int) -> dict[tuple[str, ...], Setting]:
    if not isinstance(value, Mapping) or not depth:
        return {keys: value}
    flat: dict[tuple[str, ...], Setting] = {}
    for key, below in value.items():
        flat |= _flatten((*keys, key), below, depth - 1)
    return flat


def dotted(keys: Sequence[str]) -> str:
    """Return keys as one name; a key with a dot in it keeps its quotes."""
    return ".".join(f'"{key}"' if "." in key else key for key in keys)


def nest(settings: Mapping[str, Setting]) -> dict[str, Any]:
    """Return settings by dotted name as tables within tables."""
    tree: dict[str, Any] = {}
    for name, value in settings.items():
        *tables, key = name.split(".")
        inner = tree
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[key] = value
    return tree


def known_settings(written: Iterable[str]) -> dict[str, object]:
    """Return every setting with its default; those of a provider only where one of `written` is about it."""
    known = dict(leaves(RunConfig()))
    providers = sorted({match[1] for name in written if (match := _OF_PROVIDER.fullmatch(name))})
    overrides = [f"providers.{provider}.{key}" for provider in providers for key, _ in leaves(ProviderOverrides())]
    return known | {name: known.get(common_name(name) or "") for name in overrides}


def common_name(name: str) -> str | None:
    """Return the setting of all providers that this setting of one provider overrides, if there is one."""
    match = _OF_PROVIDER.fullmatch(name)
    if match is None:
        return None
    provider, key = match.groups()
    is_own = key in ("kind", "key_variable") or key.startswith("wire.")
    if is_own or (key == "base_url" and provider != DEFAULT_PROVIDER):
        return None
    return key if key == "image_transport" or key.startswith("limits.") else f"api.{key}"


def leaves(settings: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield each setting of a configuration as (dotted name, value); one that a provider does not state is None."""
    if not is_dataclass(settings):
        return
    for field in fields(settings):
        name, value = f"{prefix}{field.name}", getattr(settings, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{name}.")
        elif name == "providers":
            for provider, overrides in value.items():
                yield from leaves(overrides, f"{name}.{provider}.")
        else:
            yield name, value
