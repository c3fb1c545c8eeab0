"""Black Forest Labs, built from its public documentation alone."""

from batchgen.simulator.dialects.bfl.dialect import DIALECT

__all__ = ["DIALECT"]
