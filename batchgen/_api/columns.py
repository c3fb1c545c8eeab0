"""What becomes of a manifest's columns: which make requests, which only pass through, and which of these look wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchgen.manifest.source import Manifest
from batchgen.planning import Rules
from batchgen.planning.columns import assign_columns

__all__ = ["ColumnUse", "use_of"]


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """The columns of a manifest by name: those that make requests, and those that pass through to the dataset.

    A column that only some models take is both. read_as: for those that have another name in the manifest, that name.
    doubts: what is odd about those that pass through, a sentence each.
    """

    used: tuple[str, ...]
    passed_through: tuple[str, ...]
    read_as: Mapping[str, str]
    doubts: tuple[str, ...]


def use_of(manifest: Manifest, rules: Rules, read_as: Mapping[str, str]) -> ColumnUse:
    """Return what becomes of a manifest's columns. Raises ManifestError."""
    roles = assign_columns(manifest, rules)
    named = [roles.prompt, roles.row_id, roles.seed, *roles.settings.values()]
    return ColumnUse(
        tuple(name for index, name in enumerate(manifest.columns) if index in named),
        tuple(manifest.columns[index] for index in roles.labels),
        dict(read_as),
        tuple(problem.message for problem in roles.warnings if problem.code in ("W001", "W002")),
    )
