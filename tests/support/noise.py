"""Real images for tests: small, and with enough in them to be cut and damaged."""

from __future__ import annotations

import io

from PIL import Image


def noise(kind: str = "PNG", size: tuple[int, int] = (48, 32), **options: object) -> bytes:
    """A small real image of noise."""
    image = Image.effect_noise(size, 80).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
