"""OpenAI's Images API, built from its public documentation and SDK alone."""

from batchgen.simulator.dialects.openai.dialect import DIALECT

__all__ = ["DIALECT"]
