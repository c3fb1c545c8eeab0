"""The Gemini API of Google, built from its public SDK and documentation alone."""

from batchgen.simulator.dialects.gemini.dialect import DIALECT

__all__ = ["DIALECT"]
