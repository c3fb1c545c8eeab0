"""A gallery that was cut off leaves nothing that stays, and one that is at work loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from support.folder_layout import FolderLayout
from support.slots import slot, write_slots

from batchgen.dataset.layout import GALLERY_PAGE
from batchgen.gallery import make_thumbnails, missing_thumbnails, read_slots, write_page, write_standalone


def gallery(layout: FolderLayout, alone: Path) -> None:
    slots = read_slots(layout)
    assert list(make_thumbnails(layout, missing_thumbnails(layout, slots))) == [None] * len(slots.saved)
    write_page(layout, slots)
    write_standalone(layout, slots, alone)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_a_killed_gallery_left_is_removed_by_the_next(tmp_path: Path) -> None:
    alone = tmp_path / "sent" / "[you].html"
    alone.parent.mkdir()
    clean = write_slots(tmp_path / "clean", [slot(0), slot(1)])
    gallery(clean, alone)
    layout = write_slots(tmp_path / "killed", [slot(0), slot(1)])
    thumbnail = next(clean.gallery.rglob("*.webp")).relative_to(clean.root)
    script = (
        "import os, sys; from pathlib import Path; from contextlib import ExitStack\n"
        "from batchgen.store import LocalStore\n"
        "with ExitStack() as stack:\n"
        "    for root, name in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "        file = stack.enter_context(LocalStore(Path(root)).put_stream(name))\n"
        "        file.write(b'half'); file.flush()\n"
        "    os.kill(os.getpid(), 9)"
    )
    places = [(layout.root, GALLERY_PAGE), (layout.root, thumbnail), (alone.parent, alone.name)]
    killed = subprocess.run([sys.executable, "-c", script, *(str(part) for place in places for part in place)])
    assert killed.returncode == -signal.SIGKILL
    assert len(files(layout.root)) == len(files(clean.root)) - 1  # two of the three, instead of page and thumbnails
    gallery(layout, alone)
    assert files(layout.root) == files(clean.root)
    assert files(alone.parent) == [alone.name]


def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    layout = write_slots(tmp_path / "out", [slot(0)])
    with FolderLayout(layout.root).store.put_stream(GALLERY_PAGE) as file:
        gallery(layout, tmp_path / "alone.html")
        file.write(b"whole")
    assert layout.gallery_page.read_bytes() == b"whole"
