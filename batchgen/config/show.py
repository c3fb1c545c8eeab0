"""A configuration as TOML: every setting that is in force, and beside it where it comes from. It loads as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from batchgen.config.file_rules import FileRule
from batchgen.config.load import Loaded, rows_of
from batchgen.core.toml import toml_key, toml_value


def as_toml(loaded: Loaded) -> str:
    """Return a configuration as a TOML document that can be used as one; a setting that is not set is a comment."""
    tables: dict[str, list[str]] = {}
    for table, key, value, origin in _fields_of(loaded):
        lines = tables.setdefault(table, [f"[{table}]"] if table else [])
        if value is None:  # TOML has no word for it
            lines.append(f"# {key} is not set")
        else:
            lines.append(f"{toml_key(key)} = {toml_value(value)}  # {toml_value(origin)[1:-1]}")
    return "\n\n".join("\n".join(lines) for lines in tables.values())


def _fields_of(loaded: Loaded) -> Iterator[tuple[str, str, object, str]]:
    """Every setting as (table, key, value, where it came from)."""
    for name, value, origin in rows_of(loaded):
        if name in ("defaults", "columns") and isinstance(value, Mapping):
            for key, own in value.items():
                yield name, key, own, loaded.origins.get(f"{name}.{key}", origin)
        else:
            table, _, key = name.rpartition(".")
            yield table, key, [*map(_stated, value)] if name == "files" and isinstance(value, tuple) else value, origin


def _stated(rule: FileRule) -> dict[str, object]:
    """A table of what a rule states."""
    return {name: value for name, value in asdict(rule).items() if value is not None}
