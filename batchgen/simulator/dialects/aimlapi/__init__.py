"""AI/ML API, built from its public documentation alone."""

from batchgen.simulator.dialects.aimlapi.dialect import DIALECT

__all__ = ["DIALECT"]
