"""The models that can be asked for: the shipped ones, and those of a configuration's own files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from os import PathLike

from batchgen._api.settings import catalog_of, load_settings
from batchgen.catalog import Catalog, Field, Model, Price, Size

__all__ = ["Field", "Model", "Price", "Size", "models_of", "today"]


def models_of(config: str | PathLike[str] | None = None) -> Catalog:
    """Return the models that a configuration can ask for. Raises ConfigError, CatalogError."""
    return catalog_of(load_settings(config))


def today() -> date:
    """The day that tells whether a model is retired."""
    return datetime.now(UTC).date()
