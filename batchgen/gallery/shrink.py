"""The program that makes small images of large ones, in a process of its own that may die of it.

Images are bytes from outside, and a megabyte of them can be made to decode for minutes: a JPEG may hold as many scans
as fit into it. So the kernel counts the processor time of each image and ends the process that exceeds it; and what
crashes a decoder crashes this program and no other. It is started by its path, since it needs Pillow and nothing of
batchgen: that takes 0.05 s. For each line on stdin, a path as JSON, it writes one on stdout: the image or the reason.
"""

from __future__ import annotations

import io
import json
import math
import resource
import struct
import sys
import zlib
from base64 import b64encode

from PIL import Image

# The page lays images out by height: this one is sharp at its usual sizes on an ordinary screen. 5 to 15 kB each.
HEIGHT_PIXELS = 256
# A panorama is no wider than the page's widest tile.
_MOST_WIDTH_PIXELS = 3 * HEIGHT_PIXELS
# Visually clean at this size; 90 would be half as large again.
_QUALITY = 80
# The largest that a run saves. A 2K image has 4 million; its header is read before anything is decoded.
MOST_PIXELS = 8192 * 8192
# The formats that a run saves and Pillow reads. It reads dozens of others, and no decoder is without mistakes.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# What Pillow raises for damaged files, beside its own errors, which are OSErrors.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    KeyError,  # the format is one that an older Pillow does not know
)


def main(seconds: int) -> None:
    """Answer every line of stdin; `seconds` of processor time are granted to each."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for line in sys.stdin:
        _grant(seconds)
        try:
            answer = {"webp": b64encode(shrink(json.loads(line))).decode()}
        except UNREADABLE as error:
            answer = {"reason": str(error) or type(error).__name__}
        print(json.dumps(answer), flush=True)


def shrink(path: str) -> bytes:
    """Return an image as a small WebP. Raises one of `UNREADABLE`."""
    with Image.open(path, formats=_FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise ValueError(f"{width} x {height} pixels are more than {MOST_PIXELS:,}")
        bounds = (_MOST_WIDTH_PIXELS, HEIGHT_PIXELS)
        image.draft("RGB", (2 * bounds[0], 2 * bounds[1]))  # a JPEG is decoded at a fraction of its size
        small = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA" if _has_alpha(image) else "RGB")
        small.thumbnail(bounds, Image.Resampling.LANCZOS, reducing_gap=2.0)
        encoded = io.BytesIO()
        small.save(encoded, "WEBP", quality=_QUALITY)
        return encoded.getvalue()


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info


def _grant(seconds: int) -> None:
    """Let the kernel end this process (SIGXCPU) when it has used so much more processor time, up to a second more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if most == resource.RLIM_INFINITY else min(soft, most), most))


if __name__ == "__main__":
    main(int(sys.argv[1]))
