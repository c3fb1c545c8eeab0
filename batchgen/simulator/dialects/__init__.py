"""The services that the simulator can be, by their names: how each is spoken with, over the same drawing and bill."""

from __future__ import annotations

from importlib import import_module

from batchgen.core.errors import UsageError
from batchgen.simulator.dialects.base import Fulfilment, ServiceDialect

__all__ = ["DIALECTS", "Fulfilment", "ServiceDialect", "find_dialect"]

DIALECTS = ("aimlapi", "openai", "gemini", "fal", "replicate", "bfl", "comfyui")


def find_dialect(name: str) -> ServiceDialect:
    """Return the dialect of a service. Raises UsageError for one that the simulator cannot be."""
    if name not in DIALECTS:
        raise UsageError(f"The simulator cannot be {name!r}; it can be {', '.join(DIALECTS)}.")
    dialect: ServiceDialect = import_module(f"batchgen.simulator.dialects.{name}").DIALECT
    return dialect
