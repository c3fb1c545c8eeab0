"""Thumbnails: made once for each image, whatever the image is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from support.folder_layout import FolderLayout
from support.slots import image_bytes, slot, write_slots

from batchgen.core.image_header import MAX_PIXELS, recognise
from batchgen.gallery import Unreadable, make_thumbnails, missing_thumbnails, read_slots
from batchgen.gallery.decoder import Decoder, Undecodable
from batchgen.gallery.shrink import HEIGHT_PIXELS, MOST_PIXELS, shrink


def make_all(layout: FolderLayout) -> list[Unreadable | None]:
    return list(make_thumbnails(layout, missing_thumbnails(layout, read_slots(layout))))


def thumbnails(layout: FolderLayout) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in layout.gallery.rglob("*") if path.is_file()}


def test_every_saved_image_gets_one_and_no_other_slot(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0), slot(1), slot(2, status="blocked")])
    assert make_all(layout) == [None, None]
    assert len(thumbnails(layout)) == 2
    for path in thumbnails(layout):
        with Image.open(path) as image:
            assert image.format == "WEBP"
            assert image.size == (48, 32)


def test_only_new_images_cost_time(tmp_path: Path) -> None:
    layout = write_slots(tmp_path / "a", [slot(0), slot(1)])
    make_all(layout)
    before = thumbnails(layout)
    assert make_all(layout) == []
    more = write_slots(tmp_path / "b", [slot(0), slot(1), slot(2)])
    layout.gallery.rename(more.gallery)
    assert make_all(more) == [None]
    assert len(thumbnails(more)) == 3
    kept = {path.relative_to(layout.gallery): at for path, at in before.items()}
    assert kept.items() <= {path.relative_to(more.gallery): at for path, at in thumbnails(more).items()}.items()


def test_equal_images_share_one(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0, image=image_bytes(7)), slot(1, image=image_bytes(7))])
    assert make_all(layout) == [None]
    assert len(thumbnails(layout)) == 1


def test_one_that_a_power_cut_left_empty_is_made_again(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0)])
    make_all(layout)
    (path,) = thumbnails(layout)
    path.write_bytes(b"")
    assert make_all(layout) == [None]
    assert path.stat().st_size > 0


@pytest.mark.parametrize("damage", [b"", b"no image", image_bytes(1)[:60], b"<svg/>", b"GIF89a" + bytes(50)])
def test_an_image_that_cannot_be_shown_is_named_and_the_others_are_made(tmp_path: Path, damage: bytes) -> None:
    layout = write_slots(tmp_path, [slot(0), slot(1), slot(2)])
    name = slot(1)["file_name"]
    (tmp_path / name).write_bytes(damage)
    outcomes = make_all(layout)
    assert [outcome.file_name for outcome in outcomes if outcome] == [name]
    assert len(thumbnails(layout)) == 2


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0)])
    (tmp_path / slot(0)["file_name"]).unlink()
    (outcome,) = make_all(layout)
    assert outcome is not None
    assert "No such file" in outcome.reason


def test_an_image_that_claims_a_billion_pixels_is_not_decoded(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    layout = write_slots(tmp_path, [slot(0, image=bomb)])
    (outcome,) = make_all(layout)
    assert outcome is not None
    assert "pixels" in outcome.reason


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *[("RGB", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("L", "PNG"), ("I;16", "PNG"), ("RGBA", "WEBP")],
        *[("P", "GIF"), ("RGB", "BMP"), ("RGB", "TIFF"), ("RGBA", "AVIF")],
    ],
)
def test_every_kind_of_image_becomes_a_line_high(tmp_path: Path, mode: str, kind: str) -> None:
    path = tmp_path / "image"
    Image.new(mode, (1408, 768)).save(path, kind)
    with Image.open(BytesIO(shrink(str(path)))) as small:
        assert small.format == "WEBP"
        assert abs(small.height - HEIGHT_PIXELS) <= 1


@pytest.mark.parametrize("mime_type", ["image/svg+xml", "image/heic"])
def test_what_only_browsers_draw_is_left_to_them_and_is_no_fault(tmp_path: Path, mime_type: str) -> None:
    layout = write_slots(tmp_path, [slot(0, image=b"<svg><script>alert(1)</script></svg>", mime_type=mime_type)])
    assert make_all(layout) == []


def test_every_image_that_a_run_saves_may_be_shown() -> None:
    assert MOST_PIXELS == MAX_PIXELS


def jpeg_of_many_scans() -> bytes:
    """A JPEG of 12 MB, sound by all that can be seen without decoding, that decodes for minutes."""
    encoded = BytesIO()
    Image.new("L", (1024, 1024), 90).save(encoded, "JPEG", progressive=True)
    data = encoded.getvalue()
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * 1_000_000 + data[-2:]


def test_an_image_that_decodes_for_minutes_is_named_and_the_others_are_made(tmp_path: Path) -> None:
    bomb = jpeg_of_many_scans()
    assert recognise(bomb).width == 1024, "a run saves it"
    layout = write_slots(tmp_path, [slot(0, image=bomb), slot(1), slot(2)])
    missing = missing_thumbnails(layout, read_slots(layout))
    (unreadable,) = filter(None, make_thumbnails(layout, missing, seconds=1))
    assert unreadable.file_name == slot(0)["file_name"]
    assert unreadable.reason == "decoding takes more than 1 s"
    assert len(thumbnails(layout)) == 2


def test_a_decoder_that_died_of_an_image_is_replaced_for_the_next(tmp_path: Path) -> None:
    bomb, image = tmp_path / "bomb", tmp_path / "image"
    bomb.write_bytes(jpeg_of_many_scans())
    image.write_bytes(image_bytes(1))
    with Decoder(seconds=1) as decoder:
        decoder.ask(bomb)
        with pytest.raises(Undecodable):
            decoder.answer()
        decoder.ask(image)
        assert decoder.answer()[8:12] == b"WEBP"


def test_when_the_time_is_over_what_is_not_made_is_left(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0), slot(1, image=jpeg_of_many_scans())])
    missing = missing_thumbnails(layout, read_slots(layout))
    assert list(make_thumbnails(layout, missing, within_s=0)) == []
    bomb = [one for one in missing if one.file_name == slot(1)["file_name"]]
    assert list(make_thumbnails(layout, bomb, seconds=3600, within_s=0.5)) == []
    assert missing_thumbnails(layout, read_slots(layout)) == missing


def test_who_stops_making_thumbnails_waits_for_none(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0), slot(1, image=jpeg_of_many_scans())])
    making = make_thumbnails(layout, missing_thumbnails(layout, read_slots(layout)), seconds=3600)
    assert isinstance(making, Generator)
    assert next(making) is None
    making.close()
    assert len(thumbnails(layout)) == 1
