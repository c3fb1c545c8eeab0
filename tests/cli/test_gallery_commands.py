"""`batchgen gallery`, and the gallery that `batchgen run` leaves behind."""

from __future__ import annotations

import json
import re
import signal
import sys
import zlib
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.processes import children, is_running, until
from support.slots import slot, write_slots

from batchgen.core.exit_codes import ExitCode
from batchgen.gallery.thumbnails import thumbnail_name
from batchgen.simulator import Fault, ImageContent
from batchgen.store.lock import Lock

if TYPE_CHECKING:
    from cli.conftest import Run, Start
    from conftest import Simulate, WriteManifest

ROWS = [{"id": f"row-{row}", "prompt": f"a fox {row}"} for row in range(3)]


def test_it_writes_the_page_and_says_where(run: Run, tmp_path: Path) -> None:
    layout = write_slots(tmp_path / "out", [slot(0), slot(1)])
    ended = run("gallery", "out")
    assert (ended.code, ended.out, ended.err) == (ExitCode.OK, "out/gallery.html\n", "")
    assert layout.gallery_page.stat().st_size > 0
    assert len(list(layout.gallery.rglob("*.webp"))) == 2


def test_a_standalone_page_goes_where_it_is_wanted(run: Run, tmp_path: Path) -> None:
    write_slots(tmp_path / "out", [slot(0)])
    ended = run("gallery", "out", "--standalone", "for-you.html")
    assert (ended.code, ended.out) == (ExitCode.OK, "out/gallery.html\nfor-you.html\n")
    assert "thumbnail-" in (tmp_path / "for-you.html").read_text()


def test_a_standalone_page_is_replaced_by_a_newer_one(run: Run, tmp_path: Path) -> None:
    write_slots(tmp_path / "out", [slot(0)])
    for file in ("for-you.html", "out/gallery.html"):
        assert run("gallery", "out", "--standalone", file).code == ExitCode.OK
        (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:-9])
        assert run("gallery", "out", "--standalone", file).code == ExitCode.OK
        assert (tmp_path / file).read_text().endswith("</html>\n")


@pytest.mark.parametrize("content", ["id,prompt\na,a fox\n", "", "<!doctype html><title>mine</title>"])
def test_a_file_that_is_no_page_is_never_replaced(run: Run, tmp_path: Path, content: str) -> None:
    write_slots(tmp_path / "out", [slot(0)])
    (tmp_path / "mine.csv").write_text(content)
    ended = run("gallery", "out", "--standalone", "mine.csv")
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert "mine.csv exists and is no gallery page" in ended.err
    assert (tmp_path / "mine.csv").read_text() == content


def test_a_standalone_page_replaces_no_folder_and_no_link_to_nothing(run: Run, tmp_path: Path) -> None:
    write_slots(tmp_path / "out", [slot(0)])
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    for file in ("folder", "link", "loop"):
        assert run("gallery", "out", "--standalone", file).code == ExitCode.USAGE
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("file", ["out/new.html", "out/metadata.parquet", "out/gallery/x.html", "link/new.html"])
def test_a_standalone_page_does_not_go_into_the_dataset(run: Run, tmp_path: Path, file: str) -> None:
    write_slots(tmp_path / "out", [slot(0)])
    (tmp_path / "link").symlink_to("out")
    before = sorted(path.name for path in (tmp_path / "out").iterdir())
    ended = run("gallery", "out", "--standalone", file)
    assert ended.code == ExitCode.USAGE
    assert f"{file} lies within the dataset" in ended.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == before


def test_an_image_that_cannot_be_shown_is_named_and_is_no_failure(run: Run, tmp_path: Path) -> None:
    write_slots(tmp_path / "out", [slot(0), slot(1)])
    (tmp_path / "out" / slot(1)["file_name"]).write_bytes(b"\x89PNG damaged")
    ended = run("gallery", "out")
    assert ended.code == ExitCode.OK
    assert f"{slot(1)['file_name']} cannot be shown" in ended.err
    assert "1 image without a thumbnail" in ended.err


def test_thumbnails_of_images_that_are_gone_from_the_index_go_and_nothing_else_does(run: Run, tmp_path: Path) -> None:
    before = write_slots(tmp_path / "before", [slot(0), slot(1)])
    assert run("gallery", "before").code == ExitCode.OK
    after = write_slots(tmp_path / "out", [slot(1), slot(2)])
    before.gallery.rename(after.gallery)
    mine = ["note.txt", "00/mine.webp", "mine/00112233445566.webp", "00/00112233445566.webp/mine"]
    for name in mine:
        (after.gallery / name).parent.mkdir(parents=True, exist_ok=True)
        (after.gallery / name).write_text("mine")
    assert run("gallery", "out").code == ExitCode.OK
    left = {path for path in after.gallery.rglob("*") if path.is_file()}
    thumbnails = {after.root / thumbnail_name(slot(row)["sha256"]) for row in (1, 2)}
    assert left == {after.gallery / name for name in mine} | thumbnails


def test_a_folder_without_a_dataset_is_refused_and_left_as_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("gallery", "empty")
    assert ended.code == ExitCode.USAGE
    assert "holds no dataset" in ended.err
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    write_slots(tmp_path / "out", [slot(0)])
    ended = run("gallery", "out", "--standalone", "no/such/folder/page.html")
    assert ended.code == ExitCode.STOPPED
    assert "cannot write no/such/folder/" in ended.err


def test_a_run_leaves_a_gallery_that_shows_what_it_made(
    run: Run, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    url = simulate().url
    command = ("run", str(write_manifest(ROWS)), "-o", "out", "--base-url", url, "--rpm", "6000")
    ended = run(*command)
    assert ended.code == ExitCode.OK
    assert "Gallery: out/gallery.html" in ended.err
    assert len(list((tmp_path / "out" / "gallery").rglob("*.webp"))) >= 1
    ended = run(*command, "--json")
    assert json.loads(ended.out)["saved"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only there processes can be looked at in /proc")
def test_thumbnails_are_made_while_a_run_waits_and_nothing_of_that_outlives_it(
    start: Start, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    url = simulate(faults=(Fault.parse("stall@4"),), image_content=ImageContent.DRAWN).url
    options = ("--base-url", url, "--rpm", "6000", "--concurrency", "4")
    manifest = str(write_manifest([*ROWS, {"id": "row-3", "prompt": "the one that is waited for"}]))
    running = start("run", manifest, "-o", "out", *options)
    until(lambda: len(list((tmp_path / "out" / "gallery").rglob("*.webp"))) == 3)
    (maker,) = children(running.pid)
    beside = [maker, *children(maker)]
    running.send_signal(signal.SIGINT)
    until(lambda: "stopped by Ctrl-C" in (tmp_path / "out" / ".batchgen" / "events.jsonl").read_text())
    running.send_signal(signal.SIGINT)
    assert running.wait() == ExitCode.INTERRUPTED
    until(lambda: not any(map(is_running, beside)))
    assert not (tmp_path / "out" / "gallery.html").exists()


def test_a_run_that_ends_makes_what_is_left_only_for_so_long_and_says_the_rest(
    run: Run, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    url = simulate(image_content=ImageContent.DRAWN).url
    command = ("run", str(write_manifest(ROWS)), "-o", "out", "--base-url", url, "--rpm", "6000")
    assert run(*command, "--no-gallery").code == ExitCode.OK
    assert not (tmp_path / "out" / "gallery").exists()
    (tmp_path / "c.toml").write_text("gallery_finish_s = 0\n")
    ended = run(*command, "-c", "c.toml")
    assert ended.code == ExitCode.OK
    assert "3 of 3 thumbnails are not made; `batchgen gallery out` makes them." in ended.err
    assert about(tmp_path / "out" / "gallery.html")["slots"]["ok"] == 3
    ended = run("gallery", "out")
    assert (ended.code, ended.err) == (ExitCode.OK, "")
    assert len(list((tmp_path / "out" / "gallery").rglob("*.webp"))) == 3
    assert "not made" not in run(*command, "-c", "c.toml").err


def test_a_run_can_leave_it_out(run: Run, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path) -> None:
    ended = run(
        "run", str(write_manifest(ROWS)), "-o", "out", "--base-url", simulate().url, "--rpm", "6000", "--no-gallery"
    )
    assert ended.code == ExitCode.OK
    assert not (tmp_path / "out" / "gallery.html").exists()
    assert not (tmp_path / "out" / "gallery").exists()


def test_a_gallery_that_fails_changes_nothing_of_the_run(
    run: Run, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gallery").write_text("a file where the folder should be")
    ended = run("run", str(write_manifest(ROWS)), "-o", "out", "--base-url", simulate().url, "--rpm", "6000")
    assert ended.code == ExitCode.OK
    assert "3 images saved" in ended.out
    assert "The gallery could not be written" in ended.err
    assert "`batchgen gallery out` does it" in ended.err


def test_it_needs_no_lock_and_touches_nothing_of_what_a_run_writes(run: Run, tmp_path: Path) -> None:
    layout = write_slots(tmp_path / "out", [slot(0)])
    before = {path: path.read_bytes() for path in layout.index.iterdir()}
    with Lock(layout.lock):
        assert run("gallery", "out").code == ExitCode.OK
    assert {path: path.read_bytes() for path in layout.index.iterdir()} == before


def about(page: Path) -> dict[str, Any]:
    """What a page says of the whole dataset."""
    (block,) = re.findall(r'id="overview">([^<]*)<', page.read_text())
    told: dict[str, Any] = json.loads(zlib.decompress(b64decode(block)))["about"]
    return told


def test_a_gallery_that_is_there_shows_what_reconcile_corrected(
    run: Run, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    url = simulate(faults=(Fault.parse("reset@2"),), price_usd=0.07).url
    manifest = str(write_manifest(ROWS))
    assert run("run", manifest, "-o", "out", "--base-url", url, "--rpm", "6000").code == ExitCode.OK
    page = tmp_path / "out" / "gallery.html"
    assert about(page)["cost_usd"] == pytest.approx(0.21)
    assert run("reconcile", "out", "--base-url", url).code == ExitCode.OK
    assert about(page)["cost_usd"] == pytest.approx(0.28)


def test_a_gallery_that_is_there_shows_what_a_repair_found(run: Run, tmp_path: Path) -> None:
    layout = write_slots(tmp_path / "out", [slot(0), slot(1)])
    assert run("gallery", "out").code == ExitCode.OK
    (tmp_path / "out" / slot(1)["file_name"]).unlink()
    assert run("verify", "out").code == ExitCode.FAILURES
    assert about(layout.gallery_page)["slots"]["ok"] == 2
    assert run("verify", "out", "--repair").code == ExitCode.FAILURES
    assert about(layout.gallery_page)["slots"]["ok"] == 1


def test_a_repair_makes_no_gallery_where_there_is_none_and_a_gallery_that_fails_changes_nothing_of_it(
    run: Run, tmp_path: Path
) -> None:
    layout = write_slots(tmp_path / "out", [slot(0)])
    assert run("verify", "out", "--repair").code == ExitCode.OK
    assert not layout.gallery_page.exists()
    layout.gallery_page.mkdir()
    ended = run("verify", "out", "--repair")
    assert ended.code == ExitCode.OK
    assert "The gallery could not be written" in ended.err
    assert "`batchgen gallery out` does it" in ended.err
