"""Which column is what, for the models at hand: decided once, before the first row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchgen.catalog import Field
from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.manifest.source import Kind, Manifest
from batchgen.planning.rules import OWN_COLUMNS, Rules

if TYPE_CHECKING:
    import pyarrow as pa

_FIELD_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "string": ("text",),
    "integer": ("text", "integer", "number"),
    "number": ("text", "integer", "number"),
    "boolean": ("text", "boolean"),
    "list": ("text", "nested"),
    "json": ("text", "integer", "number", "boolean", "nested"),
    "size": ("text",),
}
_OWN_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "prompt": ("text",),
    "id": ("text", "integer"),
    "model": ("text",),
    "num_images": _FIELD_KINDS["integer"],
}


# A size that a model takes in other fields.
_SIZE = Field(type="string")


@dataclass(frozen=True, slots=True)
class ColumnRoles:
    """Indexes of columns by what they are for, and what is worth saying about their names."""

    prompt: int
    row_id: int | None
    seed: int | None
    settings: Mapping[str, int]  # model, num_images and all fields of models but prompt and seed
    labels: Sequence[int]  # passed through to the index
    warnings: Sequence[Problem]


def assign_columns(manifest: Manifest, rules: Rules) -> ColumnRoles:
    """Give each column its role.

    Raises:
        ManifestError: a column has a type that its field cannot have.
    """
    names = manifest.columns
    # Without a model column only the configured model is asked.
    models = rules.catalog.models if "model" in names else (rules.model,)
    fields: dict[str, list[Field]] = {}
    for model in models:
        for name, field in model.fields.items():
            fields.setdefault(name, []).append(field)
        if model.size_as:
            fields.setdefault("size", []).append(_SIZE)
    known = {*OWN_COLUMNS, *fields}
    problems = []
    for index, (name, kind) in enumerate(zip(names, manifest.kinds, strict=True)):
        kinds = _OWN_KINDS.get(name) or {kind for field in fields.get(name, ()) for kind in _FIELD_KINDS[field.type]}
        if kinds and kind not in kinds:
            text = f"column {name!r} has the type {manifest.type_name(index)}; it must hold {_words(kinds)}"
            problems.append(Problem("E008", manifest.name, text, 1, index + 1, name))
    if problems:
        raise ManifestError(problems)
    roles = {name: index for index, name in enumerate(names) if name in known}
    labels = [index for index, name in enumerate(names) if name not in known]
    return ColumnRoles(
        prompt=roles.pop("prompt"),
        row_id=roles.pop("id", None),
        seed=roles.pop("seed", None),
        settings=roles,
        labels=labels,
        warnings=[
            *manifest.remarks,
            *(problem for index in labels if (problem := _doubt(manifest, index, known, rules))),
        ],
    )


def label_schema(manifest: Manifest, rules: Rules) -> pa.Schema:
    """The Arrow schema of the labels, with their own types; what an index cannot hold is text (`core.label_types`).

    Columns of a CSV file are strings, whose types are decided as they are read (`core.cell_types`).

    Raises:
        ManifestError: a column has a type that its field cannot have.
    """
    return manifest.select(assign_columns(manifest, rules).labels)


def _doubt(manifest: Manifest, index: int, known: set[str], rules: Rules) -> Problem | None:
    name = manifest.columns[index]
    if rules.catalog.fields_named(name):
        text = f"{rules.model.name} does not take the field {name!r}; the column is only passed through to the index"
        return Problem("W002", manifest.name, text, 1, index + 1, name)
    for field in sorted(known):
        if field not in manifest.columns and is_one_typo(name, field):
            text = f"column {name!r} is passed through to the index; did you mean the field {field!r}?"
            return Problem("W001", manifest.name, text, 1, index + 1, name)
    return None


def is_one_typo(name: str, field: str) -> bool:
    """Whether a name becomes a field's by one slip: a letter more, less, other or swapped, or case and spaces."""
    name = name.strip().lower().replace(" ", "_").replace("-", "_")
    if name == field:
        return True
    if len(field) < 4 or abs(len(name) - len(field)) > 1:  # three letters are one typo away from too much
        return False
    start = 0
    while start < min(len(name), len(field)) and name[start] == field[start]:
        start += 1
    left, right = name[start:], field[start:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:] and len(left) > 1
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or swapped


def _words(kinds: Sequence[Kind] | set[Kind]) -> str:
    words = {
        "text": "text",
        "integer": "whole numbers",
        "number": "numbers",
        "boolean": "true and false",
        "nested": "lists and tables",
    }
    return " or ".join(words[kind] for kind in words if kind in kinds)
