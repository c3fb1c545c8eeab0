"""Makes image files: drawn in worker threads, so that other requests are served meanwhile, or prepared once.

Prepared images are for benchmarks: a server that draws would be what a benchmark measures.
"""

from __future__ import annotations

import asyncio
import io
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache

from PIL import Image

from batchgen.simulator.drawing import Sketch, draw
from batchgen.simulator.settings import ImageContent, ImageFormat

# Pillow releases the interpreter's lock most of the time; more threads than this would only wait.
DRAWING_THREADS = 2
# For clients that retry or fetch again; 32 images are a few megabytes.
CACHED_IMAGES = 32
SIDE_PX = 1024


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How an image is made: drawn from its sketch or prepared; complete or truncated."""

    content: ImageContent
    sketch: Sketch
    truncated: bool = False

    @property
    def image_format(self) -> ImageFormat:
        """The format of the file: prepared images are PNG."""
        return self.sketch.image_format if self.content is ImageContent.DRAWN else ImageFormat.PNG


class ImageMaker:
    """The drawing threads, and a cache of the images that they drew last."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(DRAWING_THREADS, thread_name_prefix="simulator-drawing")
        self._draw = lru_cache(maxsize=CACHED_IMAGES)(draw)

    async def make(self, spec: ImageSpec) -> bytes:
        """Make an image file and return its bytes."""
        if spec.content is ImageContent.DRAWN:
            data = await asyncio.get_running_loop().run_in_executor(self._threads, self._draw, spec.sketch)
        else:
            data = prepare(spec.content)
        return data[: len(data) // 2] if spec.truncated else data

    def close(self) -> None:
        """Finish the drawings in progress and end the threads."""
        self._threads.shutdown()


@cache
def prepare(content: ImageContent) -> bytes:
    """A PNG of 1024 by 1024 pixels: one colour (SMALL, 16 kB), or half of it random noise (LARGE, 1.5 MB)."""
    page = Image.new("RGB", (SIDE_PX, SIDE_PX), "#74a892")
    if content is ImageContent.LARGE:
        # Noise does not compress: half a page of it has as many bytes as a detailed image of this size.
        noise = random.Random("noise")  # noqa: S311  (not for secrets: the same image every time)
        half = (SIDE_PX, SIDE_PX // 2)
        page.paste(Image.frombytes("RGB", half, noise.randbytes(3 * half[0] * half[1])), (0, 0))
    file = io.BytesIO()
    page.save(file, "PNG", compress_level=1)
    return file.getvalue()
