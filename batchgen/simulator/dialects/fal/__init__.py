"""fal's queue, built from its public documentation and client alone."""

from batchgen.simulator.dialects.fal.dialect import DIALECT

__all__ = ["DIALECT"]
