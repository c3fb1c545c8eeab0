"""Images are known by their bytes, and a damaged one never passes."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.noise import noise

from batchgen.core.image_header import ImageError, recognise

KINDS = {
    "png": noise("PNG"),
    "jpeg": noise("JPEG"),
    "progressive jpeg": noise("JPEG", progressive=True),
    "webp": noise("WEBP"),
    "lossless webp": noise("WEBP", lossless=True),
    "extended webp": noise("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
    "gif": noise("GIF"),
    "bmp": noise("BMP"),
    "tiff": noise("TIFF"),
    "packed tiff": noise("TIFF", compression="tiff_lzw"),
    "avif": noise("AVIF"),
    "svg": b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a <svg> -->\n<svg width='48' height='32px'><g/></svg>\n",
}
MIME_TYPES = {
    "png": ("image/png", "png"),
    "jpeg": ("image/jpeg", "jpg"),
    "webp": ("image/webp", "webp"),
    "gif": ("image/gif", "gif"),
    "bmp": ("image/bmp", "bmp"),
    "tiff": ("image/tiff", "tiff"),
    "avif": ("image/avif", "avif"),
    "svg": ("image/svg+xml", "svg"),
}
# Of a TIFF the directory may stand behind the image: what is cut off after it is not missed. An SVG may end in spaces.
ENDS_EARLIER = {"svg": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_image_is_recognised_with_its_size_and_its_bytes_untouched(kind) -> None:
    image = recognise(KINDS[kind])
    assert (image.mime_type, image.extension) == MIME_TYPES[kind.split()[-1]]
    assert (image.width, image.height) == (48, 32)
    assert image.data == KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_no_truncated_image_passes_wherever_it_is_cut(kind) -> None:
    data = KINDS[kind]
    for length in range(len(data) - ENDS_EARLIER.get(kind, 0)):
        with pytest.raises(ImageError):
            recognise(data[:length])


def test_every_flipped_bit_of_a_png_is_noticed() -> None:
    data = noise("PNG", size=(8, 8))
    for position in range(len(data)):
        with pytest.raises(ImageError):
            recognise(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_no_flipped_bytes_crash(kind, data) -> None:
    damaged = bytearray(KINDS[kind])
    for position in data.draw(st.lists(st.integers(0, min(len(damaged) - 1, 200)), min_size=1, max_size=8)):
        damaged[position] = data.draw(st.integers(0, 255))
    assert_recognised_or_refused(bytes(damaged))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([kind[:length] for kind in KINDS.values() for length in (0, 4, 12, 40, 160)]), st.binary())
def test_no_bytes_crash(start, rest) -> None:
    assert_recognised_or_refused(start + rest)


def assert_recognised_or_refused(data: bytes) -> None:
    with suppress(ImageError):
        image = recognise(data)
        assert image.data == data
        assert image.width > 0
        assert image.height > 0


AFTER = st.sampled_from([b"\n", b"\0" * 7, b"\xff\xd9", b"\0\0\0\x14free", b"<x:meta>made by</x:meta>"]) | st.binary()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KINDS)), AFTER)
def test_bytes_after_the_end_harm_no_image_and_are_kept(kind, after) -> None:
    image = recognise(KINDS[kind] + after)
    assert (image.width, image.height) == (48, 32)
    assert image.data == KINDS[kind] + after


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("tiff", "packed tiff", "svg")])
def test_an_image_that_breaks_off_is_not_made_whole_by_what_comes_after(kind) -> None:
    data = KINDS[kind]
    for length in range(16, len(data) - 1, 7):
        with pytest.raises(ImageError):
            recognise(data[:length] + b"\n")


@pytest.mark.parametrize(
    ("tag", "size"),
    [
        (b"<svg viewBox='0 0 640 480'>", (640, 480)),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%" viewBox="0,0,20.5,10">', (21, 10)),
        (b'<svg width="1in" height="25.4mm">', (96, 96)),
        (b'<svg:svg data-note="a > b" width="7" height="9">', (7, 9)),
        (b"<svg>", (300, 150)),
    ],
)
def test_an_svg_says_its_size_in_many_ways(tag, size) -> None:
    image = recognise(tag + b"<path d='M0 0'/></svg>")
    assert (image.width, image.height) == size


@pytest.mark.parametrize(
    "page",
    [b"<!doctype html><svg></svg>", b"<html><svg></svg></html>", b"<?xml version='1.0'?><Error><svg/></Error>", b"<p>"],
)
def test_a_page_with_a_drawing_in_it_is_no_image(page) -> None:
    with pytest.raises(ImageError, match="not a PNG, JPEG or WebP image"):
        recognise(page)


@pytest.mark.parametrize(("brand", "mime_type"), [(b"heic", "image/heic"), (b"mif1", "image/heif")])
def test_the_brand_of_a_file_names_its_format(brand, mime_type) -> None:
    data = (
        KINDS["avif"].replace(b"avif", brand).replace(b"mif1miaf", brand + b"miaf" if brand == b"heic" else b"mif1miaf")
    )
    assert recognise(data).mime_type == mime_type


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no bytes"),
        (b"<html><body>Not Found</body></html>", "not a PNG, JPEG or WebP.*<html>"),
        (b"GIF89a\x01\0\x01\0", "breaks off"),
        (KINDS["png"][:40], "breaks off"),
        (KINDS["jpeg"][:-2], "no end marker"),
        (KINDS["webp"][:-2], "the WebP says"),
    ],
)
def test_a_refusal_says_what_is_wrong(data, words) -> None:
    with pytest.raises(ImageError, match=words):
        recognise(data)


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, content in chunks:
        parts += [struct.pack(">I", len(content)), name, content, struct.pack(">I", zlib.crc32(name + content))]
    return b"".join(parts)


def header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png_of(header(100_000, 100_000), (b"IDAT", b"x"), (b"IEND", b"")), "100000 x 100000"),
        (png_of(header(0, 5), (b"IDAT", b"x"), (b"IEND", b"")), "0 x 5"),
        (png_of(header(5, 5), (b"IEND", b"")), "no image"),
        (png_of((b"IDAT", b"x"), header(5, 5), (b"IEND", b"")), "does not begin with its header"),
        (png_of(header(5, 5), *[(b"tEXt", b"")] * 70_000), "too many chunks"),
    ],
)
def test_a_png_that_is_made_to_harm_is_refused(data, words) -> None:
    with pytest.raises(ImageError, match=words):
        recognise(data)
