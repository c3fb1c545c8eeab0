"""A gallery that was cut off leaves nothing for good, and one that is at work loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.slots import slot, write_slots

from batchgen.dataset.layout import Layout
from batchgen.gallery import make_thumbnails, missing_thumbnails, read_slots, write_page, write_standalone
from batchgen.store.temporary import remove_leftovers, temporary_file


def gallery(layout: Layout, alone: Path) -> None:
    slots = read_slots(layout)
    assert list(make_thumbnails(layout, missing_thumbnails(layout, slots))) == [None] * len(slots.saved)
    write_page(layout, slots)
    write_standalone(layout, slots, alone)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_a_killed_gallery_left_is_removed_by_the_next(tmp_path: Path) -> None:
    alone = tmp_path / "[you].html"
    clean = write_slots(tmp_path / "clean", [slot(0), slot(1)])
    gallery(clean, alone)
    layout = write_slots(tmp_path / "killed", [slot(0), slot(1)])
    thumbnail = next(clean.gallery.rglob("*.webp")).relative_to(clean.gallery)
    (layout.gallery / thumbnail).parent.mkdir(parents=True)
    cut_off = [layout.gallery_page, layout.gallery / thumbnail, alone]
    script = (
        "import os, sys; from pathlib import Path; from contextlib import ExitStack\n"
        "from batchgen.store.temporary import temporary_file\n"
        "with ExitStack() as stack:\n"
        "    for name in sys.argv[1:]:\n"
        "        stack.enter_context(temporary_file(Path(name)))[1].write(b'half')\n"
        "    os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, *map(str, cut_off)])
    assert killed.returncode == -signal.SIGKILL
    assert len(files(layout.root)) == len(files(clean.root)) - 1  # two of the three, instead of page and thumbnails
    gallery(layout, alone)
    assert files(layout.root) == files(clean.root)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [alone.name]


def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    layout = write_slots(tmp_path / "out", [slot(0)])
    with temporary_file(layout.gallery_page) as (path, file):
        gallery(layout, tmp_path / "alone.html")
        file.write(b"whole")
        file.flush()
        path.rename(layout.gallery_page)
    assert layout.gallery_page.read_bytes() == b"whole"


def test_nothing_is_left_when_it_is_interrupted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), temporary_file(tmp_path / "page.html"):
        raise KeyboardInterrupt
    assert files(tmp_path) == []


def test_only_temporary_files_are_removed(tmp_path: Path) -> None:
    names = [".page.html.swp", ".page.html", "page.html.1", "1", ".page.html.7"]
    for name in names:
        (tmp_path / name).write_text("")
    (tmp_path / ".page.html.8").symlink_to("1")
    (tmp_path / ".page.html.9").mkdir()
    remove_leftovers(tmp_path.iterdir())
    assert files(tmp_path) == sorted({*names, ".page.html.8"} - {".page.html.7"})
