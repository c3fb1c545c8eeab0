"""The program that scales an image and encodes it anew, in a process of its own that may die of it.

Images are bytes from outside: the kernel counts the processor time that one takes, and what crashes a decoder crashes
this program and no other. It is started by its path, since it needs Pillow and nothing of batchgen.
Stdin is a line of JSON, [[width or null, format], ...], and the image. Stdout is a line of JSON and what it tells of:
{"sizes": [...]} and so many bytes of each file, or {"reason": "..."}.

The same image, recipe and version of Pillow give the same bytes, on however many processors.
"""

from __future__ import annotations

import io
import json
import math
import resource
import struct
import sys
import zlib
from typing import Any

from PIL import Image, ImageOps

# A panorama of 67 million pixels as AVIF takes half a minute on a slow machine, and may have four files.
_MOST_SECONDS = 300
_MOST_PIXELS = 8192 * 8192
# The formats that a run saves and Pillow reads. It reads dozens of others, and no decoder is without mistakes.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# Visually clean for drawings and photographs alike; AVIF's scale is another one. Its encoder's threads would each
# begin a stretch of the image of its own, and other machines have other numbers of them.
_OPTIONS: dict[str, dict[str, Any]] = {
    "webp": {"quality": 85, "method": 6},
    "avif": {"quality": 70, "speed": 6, "max_threads": 1},
    "png": {"optimize": True},
}
# What Pillow raises for damaged files, beside its own errors, which are OSErrors.
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    MemoryError,
    KeyError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def main() -> None:
    """Answer what stdin asks for."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (_MOST_SECONDS if most == resource.RLIM_INFINITY else min(_MOST_SECONDS, most), most)
    )
    line, _, data = sys.stdin.buffer.read().partition(b"\n")
    try:
        files = encode(data, json.loads(line))
        answer: dict[str, object] = {"sizes": [len(file) for file in files]}
    except _UNREADABLE as error:
        files, answer = [], {"reason": str(error) or type(error).__name__}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + b"".join(files))


def encode(data: bytes, recipes: list[tuple[int | None, str]]) -> list[bytes]:
    """Return the files of an image. No image is made wider than it is. Raises one of `_UNREADABLE`."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        if opened.width * opened.height > _MOST_PIXELS:
            raise ValueError(f"{opened.width} x {opened.height} pixels are more than {_MOST_PIXELS:,}")
        profile = opened.info.get("icc_profile")
        upright = ImageOps.exif_transpose(opened)
        mode = "RGBA" if upright.has_transparency_data else "RGB"
        image = upright if upright.mode == mode else upright.convert(mode)
    image.info.clear()  # prompts, places and other words that a maker has put in; colours keep their profile
    return [_encoded(_scaled(image, width), kind, profile) for width, kind in recipes]


def _scaled(image: Image.Image, width: int | None) -> Image.Image:
    if width is None or width >= image.width:
        return image
    height = max(1, math.floor(image.height * width / image.width + 0.5))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _encoded(image: Image.Image, kind: str, profile: bytes | None) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, kind.upper(), icc_profile=profile, **_OPTIONS[kind])
    return encoded.getvalue()


if __name__ == "__main__":
    main()
