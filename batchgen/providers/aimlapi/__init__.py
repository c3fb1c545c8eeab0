"""AI/ML API: its wire format, what its statuses and words mean, and what it says about money."""

from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.aimlapi.wire import AimlapiWire

__all__ = ["TRAITS", "AimlapiWire"]
