"""Why bytes are no image that can be kept."""

from __future__ import annotations

from typing import Final

# Encoders write a few thousand parts at most; a file of nothing but empty parts shall not keep us busy.
MAX_PARTS: Final = 65_536


class ImageError(ValueError):
    """These bytes are no image that can be kept; the text says why."""
