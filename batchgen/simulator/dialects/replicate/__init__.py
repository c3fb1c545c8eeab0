"""Replicate, built from its public documentation and client alone."""

from batchgen.simulator.dialects.replicate.dialect import DIALECT

__all__ = ["DIALECT"]
