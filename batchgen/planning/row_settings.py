"""All cells of a row but id, prompt and seed -> what is asked of the model: worked out once for each combination.

A manifest of millions of rows has a handful of combinations of model, ratio, switches and so on. Each
is checked and resolved once and then found by its cells. Where a free-text field makes every row a
combination of its own the table is emptied now and then, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from batchgen.catalog import Field, Model, Value
from batchgen.core.errors import CatalogError
from batchgen.core.format import quote
from batchgen.core.problems import Finding
from batchgen.core.request import WORKFLOW
from batchgen.manifest.source import Cell
from batchgen.planning.cells import CellError, parse_cell, parse_integer, parse_seed
from batchgen.planning.identity import model_identity
from batchgen.planning.rules import NUM_IMAGES, ROW_IMAGES_MAX, Rules

# Some MB of resolved combinations; a manifest of enumerated fields never has as many.
TABLE_MAX_COMBINATIONS = 4096

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, eq=False)
class RowSettings:
    """What one combination of cells asks for.

    identity: the model in fingerprints. key: equal for settings that ask for the same images. fields: what differs from
    the catalog's defaults, by sorted name, as the fingerprint has it. params: what is asked for beside model, prompt,
    num_images and seed, by sorted name. calls: the images of each call of the row.
    price_usd: of one image. seed_field: None where a seed would have no effect; seed_note says why.
    default_seed: the configured one. silent_from_words: prompts from here on come back without
    their enhanced form. foreign: cells that are fields of other models alone. findings: what is wrong with the cells.
    """

    model: Model
    provider: str
    model_name: str
    identity: str
    num_images: int
    key: int
    fields: Mapping[str, Value]
    params: Mapping[str, Value]
    calls: tuple[int, ...]
    price_usd: float | None
    seed_field: Field | None
    seed_note: str
    default_seed: int | None
    prompt_max_chars: int | None
    silent_from_words: int | None
    foreign: tuple[str, ...]
    findings: tuple[Finding, ...]


class RowSettingsTable(dict[tuple[Cell, ...], RowSettings]):
    """Resolved combinations by their cells, in the order of `columns`."""

    def __init__(self, rules: Rules, columns: Mapping[str, int]) -> None:
        super().__init__()
        self._rules = rules
        self._columns = columns

    def __missing__(self, cells: tuple[Cell, ...]) -> RowSettings:
        if len(self) >= TABLE_MAX_COMBINATIONS:
            self.clear()
        settings = self[cells] = _Resolution(self._rules, self._columns, cells).settings()
        return settings


class _Resolution:
    """One combination on its way from cells to settings, gathering what is wrong with it."""

    def __init__(self, rules: Rules, columns: Mapping[str, int], cells: Sequence[Cell]) -> None:
        self._rules = rules
        self._columns = columns
        # An empty cell means the default.
        self._cells = {name: cell for name, cell in zip(columns, cells, strict=True) if cell not in ("", None)}
        self._findings: list[Finding] = []

    def settings(self) -> RowSettings:
        model = self._model()
        num_images = self._num_images()
        if model.size_as:
            self._divide_size(model)
        fields: dict[str, Value] = {}
        params: dict[str, Value] = {}
        for name, field in model.fields.items():
            if name in ("prompt", "num_images", "seed"):
                continue
            value = self._value(name, field)
            if value is not None:
                params[name] = value
                if value != field.default and field.transport is None:
                    fields[name] = value
        if model.workflow is not None:
            fields[WORKFLOW] = params[WORKFLOW] = model.workflow.sha256
        seed_note = _why_no_seed(model, params)
        enhancement = model.enhancement
        enhanced = enhancement is not None and params.get(enhancement.field) is True
        identity = model_identity(model.provider, model.name)
        return RowSettings(
            model=model,
            provider=model.provider,
            model_name=model.name,
            identity=identity,
            num_images=num_images,
            key=hash((identity, num_images, _encode(sorted(fields.items())))),
            fields=dict(sorted(fields.items())),
            params=dict(sorted(params.items())),
            calls=_calls(num_images, model.images_per_call),
            price_usd=model.price_of_image(params),
            seed_field=None if seed_note else model.fields["seed"],
            seed_note=seed_note,
            default_seed=self._default_seed(model),
            prompt_max_chars=model.fields["prompt"].max_length,
            silent_from_words=enhancement.silent_from_words if enhancement is not None and enhanced else None,
            foreign=tuple(name for name in self._cells if name not in (*model.fields, "model", "num_images")),
            findings=tuple(self._findings),
        )

    def _model(self) -> Model:
        name = self._cells.get("model")
        if name is None:
            return self._rules.model
        try:
            return self._rules.catalog.find(str(name))
        except CatalogError as error:
            self._find("E056", "model", str(error))
            return self._rules.model

    def _num_images(self) -> int:
        cell = self._cells.get("num_images", self._rules.defaults.get("num_images", 1))
        try:
            return parse_integer("num_images", NUM_IMAGES, cell)
        except CellError as error:
            message = error.message
            if error.code == "E051":
                message = (
                    f"num_images {quote(cell)} is out of range; a row can ask for 1 to {ROW_IMAGES_MAX} images"
                    " (for more, add rows; for none, remove the row)"
                )
            self._find(error.code, "num_images", message)
            return 1

    def _value(self, name: str, field: Field) -> Value | None:
        if name in self._cells or name in self._rules.defaults:
            cell = self._cells.get(name, self._rules.defaults.get(name))
            try:
                return parse_cell(name, field, cell)
            except CellError as error:
                self._find(error.code, name, error.message)
        return field.default

    def _divide_size(self, model: Model) -> None:
        """Give a cell `size` to the field that takes it."""
        cell = self._cells.pop("size", None)
        size = self._rules.defaults.get("size") if cell is None else cell
        if size is None:
            return
        try:
            name, value = model.size_in_fields(str(size))
        except ValueError as error:
            self._find("E057", "size", f"size {quote(size)} is not one that the model takes: {error}")
            return
        other = self._cells.setdefault(name, value)
        if other != value and cell is not None:
            self._find("E057", "size", f"size {quote(size)} contradicts {name} {quote(other)}; write one of them")

    def _default_seed(self, model: Model) -> int | None:
        seed = self._rules.defaults.get("seed")
        if seed is None or "seed" not in model.fields:
            return None
        try:
            return parse_seed(model.fields["seed"], seed)
        except CellError as error:
            self._find(error.code, "seed", f"in the configured defaults: {error.message}")
            return None

    def _find(self, code: str, name: str, message: str) -> None:
        self._findings.append(Finding(code, message, self._columns.get(name)))


def _why_no_seed(model: Model, params: Mapping[str, Value]) -> str:
    if not model.takes_seed:
        return f"{model.name} takes no seed"
    if model.seed_disabled_by is not None and params.get(model.seed_disabled_by) is True:
        return f"{model.seed_disabled_by} is true, and with it no image can be repeated"
    return ""


def _calls(num_images: int, images_per_call: int) -> tuple[int, ...]:
    full, rest = divmod(num_images, images_per_call)
    return (images_per_call,) * full + ((rest,) if rest else ())
