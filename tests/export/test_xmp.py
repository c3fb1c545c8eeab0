"""Provenance goes into the file and leaves every pixel as it is."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from batchgen.core.errors import ExportError
from batchgen.core.image_header import recognise
from batchgen.export import embed_xmp

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
RECORD: dict[str, Any] = {
    "file_name": "images/00000/a-0.png",
    "model": "imagen-3.0-generate-002",
    "prompt": "a fox",
    "enhanced_prompt": "a red fox in the snow",
}


def drawn(image_format: str, mode: str = "RGB", **options: Any) -> bytes:
    image = Image.linear_gradient("L").resize((33, 17)).convert(mode)
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


FILES = {
    "png": drawn("PNG"),
    "png with alpha": drawn("PNG", "RGBA"),
    "jpeg": drawn("JPEG"),
    "jpeg with exif": drawn("JPEG", exif=Image.Exif().tobytes()),
    "progressive jpeg": drawn("JPEG", progressive=True),
    "webp": drawn("WEBP"),
    "lossless webp": drawn("WEBP", lossless=True),
    "lossless webp with alpha": drawn("WEBP", "RGBA", lossless=True),
    "webp with alpha": drawn("WEBP", "RGBA"),
    "webp with exif": drawn("WEBP", exif=Image.Exif().tobytes() + b"x"),
}


def properties(data: bytes) -> dict[str, str]:
    """The XMP that Pillow finds in a file."""
    packet = Image.open(io.BytesIO(data)).info["xmp"]
    root = ElementTree.fromstring(packet)  # noqa: S314  (we wrote it)
    return {element.tag: element.text or "" for element in root.iter()}


@pytest.mark.parametrize("name", FILES)
def test_the_file_says_that_a_model_made_it(name: str) -> None:
    found = properties(embed_xmp(FILES[name], RECORD))
    assert found[f"{IPTC}DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert found[f"{IPTC}AISystemUsed"] == "imagen-3.0-generate-002"
    assert found[f"{IPTC}AIPromptInformation"] == "a fox"
    assert "a red fox in the snow" in found.values()


@pytest.mark.parametrize("name", FILES)
def test_pixels_stay_as_they_are(name: str) -> None:
    before, after = (Image.open(io.BytesIO(data)) for data in (FILES[name], embed_xmp(FILES[name], RECORD)))
    assert (after.mode, after.size, after.tobytes()) == (before.mode, before.size, before.tobytes())
    assert recognise(embed_xmp(FILES[name], RECORD)).width == 33


@pytest.mark.parametrize("after", [b"\n", b"\0\0\0", b"<maker>a note</maker>"])
@pytest.mark.parametrize("name", FILES)
def test_bytes_after_the_end_stay_there(name: str, after: bytes) -> None:
    assert embed_xmp(FILES[name] + after, RECORD) == embed_xmp(FILES[name], RECORD) + after


@given(st.text(max_size=50))
@settings(max_examples=100)
def test_any_prompt_comes_back_as_text(prompt: str) -> None:
    prompt = prompt.encode("utf-8", "ignore").decode()
    found = properties(embed_xmp(FILES["png"], RECORD | {"prompt": prompt}))[f"{IPTC}AIPromptInformation"]
    assert len(found) == len(prompt)
    kept = [(a, b) for a, b in zip(found, prompt, strict=True) if a != "\ufffd"]
    assert all(a == b for a, b in kept)


def test_a_prompt_that_looks_like_xml_is_text() -> None:
    prompt = '</rdf:RDF><x xmlns="evil">&lt;]]>{source}'
    assert properties(embed_xmp(FILES["png"], RECORD | {"prompt": prompt}))[f"{IPTC}AIPromptInformation"] == prompt


@pytest.mark.parametrize("character", ["a", '"', "&", "\U0001f98a"])
def test_a_prompt_of_any_length_fits_into_a_jpeg(character: str) -> None:
    long = RECORD | {"prompt": character * 50_000, "enhanced_prompt": None}
    data = embed_xmp(FILES["jpeg"], long)
    assert properties(data)[f"{IPTC}AIPromptInformation"].endswith("…")


def png_with(kind: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return FILES["png"][:33] + chunk + FILES["png"][33:]


def webp_with(kind: bytes, body: bytes) -> bytes:
    data = FILES["webp with exif"] + kind + struct.pack("<I", len(body)) + body
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


JUMBF = b"JP\x00\x01\x00\x00\x00\x01\x00\x00\x00\x20jumb" + bytes(24)
SIGNED = {
    "png": png_with(b"caBX", b"\x00\x00\x00\x20jumb" + bytes(24)),
    "jpeg": FILES["jpeg"][:2] + b"\xff\xeb" + struct.pack(">H", len(JUMBF) + 2) + JUMBF + FILES["jpeg"][2:],
    "webp": webp_with(b"C2PA", b"\x00\x00\x00\x20jumb" + bytes(24)),
}


@pytest.mark.parametrize("name", SIGNED)
def test_an_image_that_carries_c2pa_is_refused(name: str) -> None:
    with pytest.raises(ExportError, match=r"images/00000/a-0\.png carries C2PA"):
        embed_xmp(SIGNED[name], RECORD)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_xmp_that_is_there_already_is_not_replaced(name: str) -> None:
    with pytest.raises(ExportError, match="carries XMP already"):
        embed_xmp(embed_xmp(FILES[name], RECORD), RECORD)


@given(st.sampled_from([*FILES.values()]), st.integers(0, 200), st.binary(max_size=3))
@settings(max_examples=100)
def test_a_damaged_file_is_refused_or_treated_and_never_a_traceback(data: bytes, place: int, noise: bytes) -> None:
    damaged = data[:place] + noise + data[place + len(noise) + 1 :]
    with suppress(ExportError):
        embed_xmp(damaged, RECORD)
