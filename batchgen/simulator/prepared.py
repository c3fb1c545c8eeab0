"""Pictures made once, for benchmarks: a server that draws would be what a benchmark measures."""

from __future__ import annotations

import io
import random
from functools import cache

from PIL import Image

from batchgen.simulator.settings import Picture

SIDE_PX = 1024


@cache
def prepare(picture: Picture) -> bytes:
    """A PNG of 1024 by 1024 pixels: of one colour (16 kB), or of noise that does not compress (1.5 MB)."""
    if picture is Picture.SMALL:
        page = Image.new("RGB", (SIDE_PX, SIDE_PX), "#74a892")
    else:
        noise = random.Random("noise")  # noqa: S311  (not for secrets: the same picture every time)
        # Half a page of noise makes as many bytes as a detailed picture of this size has as PNG.
        page = Image.new("RGB", (SIDE_PX, SIDE_PX), "#74a892")
        half = (SIDE_PX, SIDE_PX // 2)
        page.paste(Image.frombytes("RGB", half, noise.randbytes(3 * half[0] * half[1])), (0, 0))
    file = io.BytesIO()
    page.save(file, "PNG", compress_level=1)
    return file.getvalue()
