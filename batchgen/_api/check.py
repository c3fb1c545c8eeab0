"""A check: all that is wrong with a manifest and its configuration, found without key and network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from types import MappingProxyType

from batchgen._api.columns import ColumnUse, use_of
from batchgen._api.progress import Advance, ignore
from batchgen._api.settings import Columns, Settings, catalog_of, inspect_settings, with_columns
from batchgen.core.errors import ConfigError, InputError
from batchgen.core.problems import Problem
from batchgen.manifest import ManifestSource, open_manifest
from batchgen.planning import make_rules, read_rows

__all__ = ["Check", "Problem", "check"]

_NO_FLAGS: Mapping[str, str] = MappingProxyType({})


def check(
    manifest: ManifestSource,
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    columns: Columns | None = None,
) -> list[Problem]:
    """Return everything that is wrong with a manifest's rows, and what is worth a warning.

    Args:
        manifest: a path, "-" for standard input, a DataFrame of pandas or polars, a table of Arrow, a Dataset of
            Hugging Face, or a list of dicts.
        config: a TOML file.
        settings: values by dotted name; they beat the file.
        columns: for a name that batchgen reads the manifest's own name of the column: {"prompt": "caption"}.

    Raises:
        ManifestError: no row can be read at all.
        ConfigError: a setting is wrong.
        CatalogError: a model's file is wrong.
    """
    found = Check(manifest, config, with_columns(settings, columns))
    problems = list(found)
    if found.error is not None:
        raise found.error
    return problems


class Check:
    """A check as it goes on: iterate over it, once, for the problems in the order of the file.

    Attributes:
        columns: what becomes of the manifest's columns; None while that is not known.
        rows: how many rows were read so far.
        errors, warnings: how many problems there are so far. Of a warning that repeats for thousands of rows, all are
            counted and not all are shown.
        error: why the manifest as a whole, or a part of the configuration, cannot be used; None if all can.
    """

    def __init__(
        self,
        manifest: ManifestSource,
        config: str | PathLike[str] | None = None,
        settings: Settings | None = None,
        flags: Mapping[str, str] = _NO_FLAGS,
        advance: Advance = ignore,
    ) -> None:
        self._manifest = manifest
        self._config = (config, settings, flags)
        self._advance = advance
        self._counts: Counter[str] = Counter()
        self.rows = 0
        self.columns: ColumnUse | None = None
        self.error: InputError | None = None

    @property
    def errors(self) -> int:
        """How many errors were found."""
        return sum(number for code, number in self._counts.items() if code.startswith("E"))

    @property
    def warnings(self) -> int:
        """How many warnings were found."""
        return sum(number for code, number in self._counts.items() if code.startswith("W"))

    def count_of(self, code: str) -> int:
        """How many problems with this code were found."""
        return self._counts[code]

    def __iter__(self) -> Iterator[Problem]:
        try:
            yield from self._find()
        except InputError as error:
            self.error = self.error or error
            yield from self._counted(error.problems)

    def _find(self) -> Iterator[Problem]:
        loaded, problems = inspect_settings(*self._config)
        if problems:
            self.error = ConfigError(problems)
        yield from self._counted(problems)
        rules = make_rules(loaded.config, catalog_of(loaded), place_of=loaded.place_of)
        yield from self._counted(rules.problems)
        manifest = open_manifest(self._manifest, None, loaded.config.columns, loaded.config.sheet)
        self.columns = use_of(manifest, rules, loaded.config.columns)
        for batch in read_rows(manifest, rules):
            self.rows += batch.rows
            self._counts.update(batch.problem_counts)
            yield from batch.problems
            self._advance(batch.rows, manifest.row_count)

    def _counted(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        problems = list(problems)
        self._counts.update(problem.code for problem in problems)
        yield from problems
