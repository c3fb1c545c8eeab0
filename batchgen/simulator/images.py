"""Makes image files: drawn in threads of their own, so that other requests are served meanwhile, or prepared."""

from __future__ import annotations

import asyncio
import io
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache

from PIL import Image

from batchgen.simulator.drawing import Sketch, draw
from batchgen.simulator.settings import ImageFormat, Picture

# Pillow works outside the interpreter's lock most of the time; more threads than this only queue.
DRAWING_THREADS = 2
# A client that retries or fetches again gets its picture from here; a few megabytes of memory.
KEPT_PICTURES = 32
SIDE_PX = 1024


@dataclass(frozen=True, slots=True)
class Making:
    """How an image comes to be: drawn from its sketch, or prepared; whole, or cut short."""

    picture: Picture
    sketch: Sketch
    broken: bool = False

    @property
    def image_format(self) -> ImageFormat:
        """The format of the file: prepared pictures are PNG."""
        return self.sketch.image_format if self.picture is Picture.DRAWN else ImageFormat.PNG


class Studio:
    """The drawing threads and the pictures they made last."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(DRAWING_THREADS, thread_name_prefix="simulator-drawing")
        self._draw = lru_cache(maxsize=KEPT_PICTURES)(draw)

    async def make(self, making: Making) -> bytes:
        """The image file."""
        if making.picture is Picture.DRAWN:
            data = await asyncio.get_running_loop().run_in_executor(self._threads, self._draw, making.sketch)
        else:
            data = prepare(making.picture)
        return data[: len(data) // 2] if making.broken else data

    def close(self) -> None:
        """Let the threads go; whatever they are drawing is finished first."""
        self._threads.shutdown()


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
