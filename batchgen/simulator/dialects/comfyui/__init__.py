"""A ComfyUI server, built from its public source alone."""

from batchgen.simulator.dialects.comfyui.dialect import DIALECT

__all__ = ["DIALECT"]
