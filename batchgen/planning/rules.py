"""What rows are measured against: the model, the configured defaults, the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from batchgen.catalog import Catalog, Field, Model
from batchgen.config.settings import RunConfig
from batchgen.core.errors import CatalogError
from batchgen.core.problems import Problem, SettingPlace
from batchgen.core.request import Scalar
from batchgen.core.suggest import did_you_mean
from batchgen.planning.cells import CellError, parse_cell

# At 20 requests a minute a row of 1,000 images already draws for a quarter of an hour; more is a typo.
ROW_IMAGES_MAX = 1000

# The columns that are batchgen's own; num_images may exceed one call, and exists for every model.
OWN_COLUMNS = ("prompt", "id", "model", "num_images")
NUM_IMAGES = Field(type="integer", min=1, max=ROW_IMAGES_MAX)

# Who set a setting, by its keys.
PlaceOf = Callable[..., SettingPlace]


@dataclass(frozen=True, slots=True)
class Rules:
    """How rows become requests.

    today: tells whether a model is retired.
    problems: those of the configured model, defaults, columns and providers. A default with an error is left out of
        `defaults`.
    """

    model: Model
    catalog: Catalog
    defaults: Mapping[str, Scalar]
    today: date
    problems: tuple[Problem, ...] = ()


def _anywhere(*_: str) -> SettingPlace:
    return SettingPlace()


def make_rules(config: RunConfig, catalog: Catalog, today: date | None = None, place_of: PlaceOf = _anywhere) -> Rules:
    """Check a configuration's model, field defaults and providers against the catalog.

    place_of: tells who set a setting, by its keys from the outermost table down.

    Raises:
        CatalogError: the catalog has no such model.
    """
    try:
        model = catalog.find(config.model)
    except CatalogError as error:
        raise CatalogError(str(error), place_of("model")) from None
    today = today or datetime.now(UTC).date()
    defaults: dict[str, Scalar] = {}
    problems = [*_unknown_providers(config, catalog, place_of), *_unknown_columns(config, catalog, place_of)]
    if retirement := model.retirement(today):
        problems.append(place_of("model").problem("W011", f"model: {retirement}"))
    for name, value in config.defaults.items():
        problem = _problem(name, value, model, catalog, place_of("defaults", name))
        if problem is not None:
            problems.append(problem)
        if problem is None or not problem.is_error:
            defaults[name] = value
    return Rules(model, catalog, defaults, today, tuple(problems))


def _unknown_providers(config: RunConfig, catalog: Catalog, place_of: PlaceOf) -> Iterator[Problem]:
    known = {model.provider for model in catalog.models}
    for name in config.providers:
        if name not in known:
            advice = did_you_mean(name, known) or f"known are {', '.join(sorted(known))}"
            text = f"providers.{name}: no model of the catalog has this provider; {advice}"
            yield place_of("providers", name).problem("E061", text)


def _unknown_columns(config: RunConfig, catalog: Catalog, place_of: PlaceOf) -> Iterator[Problem]:
    known = {*OWN_COLUMNS, *(name for model in catalog.models for name in model.fields)}
    for name in config.columns:
        if name not in known:
            advice = did_you_mean(name, known) or f"known are {', '.join(sorted(known))}"
            text = f"columns.{name}: batchgen reads no column of this name; {advice}"
            yield place_of("columns", name).problem("E061", text)


def _problem(name: str, value: Scalar, model: Model, catalog: Catalog, place: SettingPlace) -> Problem | None:
    setting = f"defaults.{name}"
    if name in ("prompt", "id", "model"):
        advice = "set `model` at the top level" if name == "model" else "it belongs into the manifest"
        return place.problem("E060", f"{setting}: {name} can have no default; {advice}", name)
    fields = [model.fields[name]] if name in model.fields else catalog.fields_named(name)
    if name == "num_images":
        fields = [NUM_IMAGES]
    if not fields and not (name == "size" and model.size_as):
        known = ", ".join(field for field in model.fields if field != "prompt")
        text = f"{setting}: no model has a field of this name; {model.name} has {known}"
        return place.problem("E060", text, name)
    if name == "size" and model.size_as:
        return _size_problem(str(value), model, place)
    if fields[0].transport is not None:
        return place.problem("E060", f"{setting}: set `image_transport` instead", name)
    if name not in model.fields and name != "num_images":
        return place.problem("W002", f"{setting}: {model.name} does not take this field", name)
    try:
        parse_cell(name, fields[0], value)
    except CellError as error:
        return place.problem(error.code, f"{setting}: {error.message}", name)
    return None


def _size_problem(size: str, model: Model, place: SettingPlace) -> Problem | None:
    try:
        model.size_in_fields(size)
    except ValueError as error:
        text = f"defaults.size: size {size!r} is not one that the model takes: {error}"
        return place.problem("E057", text, "size")
    return None
