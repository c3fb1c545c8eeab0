"""The copies that stand for kills in these tests are of one moment, however busy the threads are that write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from batchgen.store import disk


def test_a_copy_of_a_folder_whose_names_change_all_the_time_is_what_it_was_at_one_moment(
    out: Path, crashed: Callable[[], Path]
) -> None:
    disk.make_folder(out)
    here, there, enough = out / "here", out / "there", Event()
    here.write_text("segment")

    def move_to_and_fro() -> None:
        while not enough.is_set():
            disk.rename(here, there)
            disk.rename(there, here)

    thread = Thread(target=move_to_and_fro)
    thread.start()
    try:
        copies = [crashed() for _ in range(100)]
    finally:
        enough.set()
        thread.join()
    assert {len([*copy.iterdir()]) for copy in copies} == {1}
