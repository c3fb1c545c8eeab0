"""Makes image files: drawn in threads of their own, so that other requests are served meanwhile, or prepared."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from batchgen.simulator.drawing import Sketch, draw
from batchgen.simulator.prepared import prepare
from batchgen.simulator.settings import ImageFormat, Picture

# Pillow works outside the interpreter's lock most of the time; more threads than this only queue.
DRAWING_THREADS = 2
# A client that retries or fetches again gets its picture from here; a few megabytes of memory.
KEPT_PICTURES = 32


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
