"""A `.toml` file -> a sweep, or all that is wrong with it, each with its line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.core.request import Scalar
from batchgen.core.suggest import did_you_mean
from batchgen.core.toml import Place, TomlError, find_key, find_tables, parse_toml, read_toml
from batchgen.manifest.sweep import COMBINATIONS_MAX, Axis, AxisValue, Exclude, Sweep, SweepRow
from batchgen.manifest.sweep_template import Template, parse_template

MAX_ROWS: Final = 10_000
_OWN: Final = frozenset({"id", "prompt", "axes", "exclude", "row", "sample", "max_rows"})
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9._@-]{0,100}")


def read_sweep(path: Path, name: str) -> Sweep:
    """Read a sweep. Raises ManifestError with all that is wrong with it."""
    try:
        source = read_toml(path)
        content = parse_toml(source)
    except TomlError as error:
        raise ManifestError([Problem("E007", name, error.message, error.line, error.column)]) from error
    reader = _SweepReader(name, source, content)
    sweep = reader.sweep()
    if reader.problems:
        raise ManifestError(reader.problems)
    return sweep


class _SweepReader:
    """Reads the tables of one file, and keeps what is wrong with them."""

    def __init__(self, name: str, source: str, content: Mapping[str, Any]) -> None:
        self._name = name
        self._source = source
        self._content = content
        self.problems: list[Problem] = []
        self._wrong_axes: set[str] = set()  # what else names one is no mistake

    def sweep(self) -> Sweep:
        """Return what the file says; of no use if there are problems."""
        axes = list(self._axes())
        row_id, prompt = self._template("id", axes), self._template("prompt", axes)
        others = {key: value for key, value in self._content.items() if key not in _OWN}
        constants = {key: value for key, value in others.items() if self._is_cell(key, value)}
        self._check_clashes(axes, constants)
        has_axes = bool(axes) or "prompt" in self._content
        missing = next((key for key in ("id", "prompt") if has_axes and key not in self._content), None)
        if missing is not None:
            self._wrong("E080", f"the sweep has no `{missing}`; write one with the axes in braces", ())
        if row_id is not None:
            named = {name.partition(".")[0] for name in row_id.names}
            for axis in axes:
                if axis.name not in named and len(axis.values) > 1:
                    advice = f"two of its values would have one id; add {{{axis.name}}}"
                    self._wrong("E083", f"the axis {axis.name} is not in `id`: {advice}", ("id",))
        max_rows = self._count("max_rows", MAX_ROWS) or MAX_ROWS
        sweep = Sweep(
            row_id,
            prompt,
            constants,
            axes,
            list(self._excludes(axes)),
            self._count("sample", None),
            max_rows,
            self._place(("prompt",)) or (1, 1),
            list(self._rows()),
        )
        if sweep.combinations > COMBINATIONS_MAX:
            text = f"the axes have {sweep.combinations:,} combinations, and max_rows is {max_rows:,}"
            self._wrong("E084", text, ("axes",))
        return sweep

    def _axes(self) -> Iterator[Axis]:
        axes = self._content.get("axes", {})
        if not isinstance(axes, Mapping):
            self._wrong("E080", "`axes` is a table: write [axes] and an axis a line", ("axes",))
            return
        for name, written in axes.items():
            before = len(self.problems)
            values = list(self._values(name, written))
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) or name in ("id", "prompt"):
                self._wrong("E080", f"an axis cannot be called {name!r}; give it a word of letters", ("axes", name))
            elif not values and len(self.problems) == before:
                self._wrong("E080", f"the axis {name} has no values", ("axes", name))
            if len(self.problems) > before:
                self._wrong_axes.add(name)
            else:
                yield Axis(name, values)

    def _values(self, axis: str, written: object) -> Iterator[AxisValue]:
        if isinstance(written, list):
            for value in written:
                if self._is_cell(f"axes.{axis}", value, ("axes", axis)):
                    yield from self._named(axis, _text(value), value, {}, ("axes", axis))
        elif isinstance(written, Mapping):
            for name, value in written.items():
                place = ("axes", axis, name)
                columns = value if isinstance(value, Mapping) else {"text": value}
                if all(self._is_cell(f"axes.{axis}.{name}", cell, place) for cell in columns.values()):
                    yield from self._named(axis, name, name, columns, place)
        else:
            text = f"an axis is a list of values, or a table of names: {axis} = [1, 2]"
            self._wrong("E080", text, ("axes", axis))

    def _named(
        self, axis: str, name: str, cell: Scalar, columns: Mapping[str, Scalar], place: tuple[str, ...]
    ) -> Iterator[AxisValue]:
        if _FILE_NAME.fullmatch(name) and name not in (".", ".."):
            yield AxisValue(name, cell, columns)
        else:
            text = f"the value {name[:50]!r} of the axis {axis} cannot be part of a file name; name it: [axes.{axis}]"
            self._wrong("E085", text, place)

    def _template(self, key: str, axes: list[Axis]) -> Template | None:
        text = self._content.get(key)
        if text is None:
            return None
        if not isinstance(text, str):
            self._wrong("E080", f"`{key}` is a text", (key,))
            return None
        try:
            template = parse_template(text)
        except ValueError as error:
            self._wrong("E080", f"`{key}`: {error}", (key,))
            return None
        by_name = {axis.name: axis for axis in axes}
        for name in template.names:
            axis, _, column = name.partition(".")
            if axis in self._wrong_axes:
                continue
            if axis not in by_name:
                advice = did_you_mean(axis, by_name) or f"the axes are {', '.join(by_name) or 'none'}"
                self._wrong("E080", f"`{key}`: there is no axis {axis!r}; {advice}", (key,))
            elif column and not all(column in value.columns for value in by_name[axis].values):
                self._wrong("E080", f"`{key}`: not every value of the axis {axis} has a column {column!r}", (key,))
        return template

    def _check_clashes(self, axes: list[Axis], constants: Mapping[str, Scalar]) -> None:
        owners = dict.fromkeys(constants, "the top of the file")
        for axis in axes:
            columns = {axis.name, *(column for value in axis.values for column in value.columns if column != "text")}
            for column in sorted(columns):
                if column in owners or column in ("id", "prompt"):
                    owner = owners.get(column, "the sweep itself")
                    text = f"the axis {axis.name} sets {column}, and so does {owner}; only one can"
                    self._wrong("E081", text, ("axes", axis.name))
            owners |= dict.fromkeys(columns, f"the axis {axis.name}")

    def _excludes(self, axes: list[Axis]) -> Iterator[Exclude]:
        known = {axis.name for axis in axes}
        for number, written in enumerate(self._tables("exclude")):
            place = self._table_place("exclude", number)
            values = {}
            for axis, value in written.items():
                if axis not in known | self._wrong_axes:
                    advice = did_you_mean(axis, known) or f"the axes are {', '.join(sorted(known)) or 'none'}"
                    self._wrong_at("E080", f"exclude: there is no axis {axis!r}; {advice}", place)
                values[axis] = frozenset(map(_text, value if isinstance(value, list) else [value]))
            yield Exclude(values)

    def _rows(self) -> Iterator[SweepRow]:
        for number, written in enumerate(self._tables("row")):
            place = self._table_place("row", number) or (1, 1)
            cells = {key: value for key, value in written.items() if self._is_cell(key, value, at=place)}
            row_id = cells.pop("id", None)
            if not isinstance(row_id, str) or not isinstance(cells.get("prompt"), str):
                self._wrong_at("E080", "a row needs an `id` and a `prompt`, each a text", place)
                continue
            yield SweepRow(row_id, cells, *place)

    def _tables(self, key: str) -> list[Mapping[str, Any]]:
        tables = self._content.get(key, [])
        if isinstance(tables, list) and all(isinstance(table, Mapping) for table in tables):
            return tables
        self._wrong("E080", f"`{key}` is a list of tables: write [[{key}]]", (key,))
        return []

    def _count(self, key: str, default: int | None) -> int | None:
        value = self._content.get(key, default)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value
        self._wrong("E080", f"`{key}` is a whole number above 0", (key,))
        return default

    def _is_cell(self, what: str, value: object, keys: tuple[str, ...] | None = None, at: Place | None = None) -> bool:
        if isinstance(value, str | int | float):
            return True
        text = f"{what}: a cell is a text, a number, true or false"
        self._wrong_at("E080", text, at or self._place(keys or (what,)))
        return False

    def _place(self, keys: tuple[str, ...]) -> Place | None:
        return find_key(self._source, keys) if keys else None

    def _table_place(self, name: str, number: int) -> Place | None:
        places = find_tables(self._source, name)
        return places[number] if number < len(places) else self._place((name,))

    def _wrong(self, code: str, message: str, keys: tuple[str, ...]) -> None:
        self._wrong_at(code, message, self._place(keys))

    def _wrong_at(self, code: str, message: str, place: Place | None) -> None:
        line, column = place or (1, 1)
        self.problems.append(Problem(code, self._name, message, line, column))


def _text(value: object) -> str:
    """How a value is called: true and numbers as TOML writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)
