"""Draws a manifest with a function of one's own: no service, no key. `python own_function.py prompts.csv dataset`."""

from __future__ import annotations

import asyncio
import struct
import sys
import zlib

import batchgen


def paint(prompt: str, seed: int, side: int = 64) -> bytes:
    """Return a PNG: stripes whose colours follow from the prompt. Here a model of your own would run."""
    red, green, blue = (zlib.crc32(f"{seed} {prompt} {channel}".encode()) % 256 for channel in "rgb")
    rows = b"".join(b"\0" + bytes((red, green, 255 * (row // 8 % 2))) * side for row in range(side))
    return png(rows, side, blue)


def png(rows: bytes, side: int, grey: int) -> bytes:
    """Return rows of pixels as a PNG file."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    text = chunk(b"tEXt", f"Comment\0{grey}".encode())
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + text + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


async def draw(request: batchgen.ImageRequest) -> batchgen.Drawn:
    """Return the images of a request."""
    if "forbidden" in request.prompt:
        raise batchgen.ProviderError(batchgen.ErrorKind.SAFETY, "this is not painted here")
    seeds = range(request.seed or 0, (request.seed or 0) + request.num_images)
    images = [await asyncio.to_thread(paint, request.prompt, seed) for seed in seeds]
    return batchgen.Drawn(images, cost_usd=0.0)


if __name__ == "__main__":
    summary = asyncio.run(batchgen.run(sys.argv[1], sys.argv[2], provider=draw))
    sys.exit(summary.stop is not None)
