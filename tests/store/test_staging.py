"""What is made in one go appears whole or not at all, and two processes do not make it together."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchgen.core.errors import Locked
from batchgen.store.staging import create, staged_file, staged_folder


@pytest.mark.parametrize("staged", [staged_folder, staged_file])
def test_one_at_a_time_makes_a_thing_and_the_second_harms_nothing(tmp_path: Path, staged: type) -> None:
    final = tmp_path / "new" / "thing"
    with staged(final) as place:
        with pytest.raises(Locked), staged(final):
            pytest.fail("two at once")
        assert place.exists()
        assert not final.exists()
    assert [path.name for path in final.parent.iterdir()] == ["thing"]


@pytest.mark.parametrize("staged", [staged_folder, staged_file])
def test_what_breaks_off_leaves_no_name(tmp_path: Path, staged: type) -> None:
    with pytest.raises(ZeroDivisionError), staged(tmp_path / "thing"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_begins_empty_whatever_a_killed_process_left(tmp_path: Path) -> None:
    left = tmp_path / ".thing.batchgen-partial"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "old.txt").write_text("old")
    (left / "old.txt").write_text("old")
    with staged_folder(tmp_path / "thing") as place:
        (place / "new.txt").write_text("new")
    assert [path.name for path in (tmp_path / "thing").iterdir()] == ["new.txt"]


def test_a_file_in_a_staged_folder_brings_its_own_folder_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    with staged_folder(tmp_path / "thing") as place:
        with create(place / "deep" / "er" / "new.txt") as file:
            file.write(b"new")
        (place / "link.txt").symlink_to(outside)
        with pytest.raises(OSError, match="link"):
            create(place / "link.txt")
        (place / "link.txt").unlink()
    assert (tmp_path / "thing" / "deep" / "er" / "new.txt").read_bytes() == b"new"
    assert outside.read_text() == "kept"
