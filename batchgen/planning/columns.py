"""Which column is what, for the models at hand: decided once, before the first row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchgen.catalog import Field, Model
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
        for name, field in _fields_of(model).items():
            fields.setdefault(name, []).append(field)
    taken = {*OWN_COLUMNS, *_fields_of(rules.model), *({"seed"} & fields.keys())}
    problems = []
    for index, (name, kind) in enumerate(zip(names, manifest.kinds, strict=True)):
        kinds = _OWN_KINDS.get(name) or {kind for field in fields.get(name, ()) for kind in _FIELD_KINDS[field.type]}
        if kinds and kind not in kinds:
            if name not in taken:  # a label that has the name of a field of some model of the catalog
                del fields[name]
                continue
            text = f"column {name!r} has the type {manifest.type_name(index)}; it must hold {_words(kinds)}"
            problems.append(Problem("E008", manifest.name, text, 1, index + 1, name))
    if problems:
        raise ManifestError(problems)
    known = {*OWN_COLUMNS, *fields}
    roles = {name: index for index, name in enumerate(names) if name in known}
    # What the configured model does not take is a label of rows whose own model does not take it either.
    labels = [index for index, name in enumerate(names) if name not in taken]
    return ColumnRoles(
        prompt=roles.pop("prompt"),
        row_id=roles.pop("id", None),
        seed=roles.pop("seed", None),
        settings=roles,
        labels=labels,
        warnings=[
            *manifest.remarks,
            *(
                problem
                for index in labels
                if names[index] not in known and (problem := _doubt(manifest, index, known, rules))
            ),
        ],
    )


def label_schema(manifest: Manifest, rules: Rules) -> pa.Schema:
    """The Arrow schema of the labels, with their own types; what an index cannot hold is text (`core.label_types`).

    Columns of a CSV file are strings, whose types are decided as they are read (`core.cell_types`).

    Raises:
        ManifestError: a column has a type that its field cannot have.
    """
    return manifest.select(assign_columns(manifest, rules).labels)


def no_field(name: str, model: Model) -> str:
    """Say that a column is one of other models alone."""
    return f"{name}: no field of {model.name}; passed through as a label"


def _fields_of(model: Model) -> Mapping[str, Field]:
    return {**model.fields, "size": _SIZE} if model.size_as else model.fields


def _doubt(manifest: Manifest, index: int, known: set[str], rules: Rules) -> Problem | None:
    name = manifest.columns[index]
    for field, described in rules.model.fields.items():
        if name in (described.path, (described.path or "").rpartition(".")[2]) and field not in manifest.columns:
            text = f"column {name!r} is passed through to the index; {rules.model.name} has it as the field {field!r}"
            return Problem("W001", manifest.name, text, 1, index + 1, name)
    if rules.catalog.fields_named(name):
        return Problem("W002", manifest.name, no_field(name, rules.model), 1, index + 1, name)
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
