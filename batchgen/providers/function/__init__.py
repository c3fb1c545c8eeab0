"""A provider that is a function of the caller's own: `batchgen.run(..., provider=draw)`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

# The catalog file of its model.
OWN_CODE: Final = Path(__file__).parent / "own-code.toml"
