"""An export is there as a whole or not at all, and never in the way of anything."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from batchgen.core.errors import ExportError
from batchgen.export import new_file, new_folder
from batchgen.store import disk


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "dataset").mkdir()
    return tmp_path / "dataset"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_when_it_is_whole(tmp_path: Path, dataset: Path) -> None:
    with new_folder(tmp_path / "a" / "out", dataset) as folder:
        (folder / "one").write_text("1")
        assert not (tmp_path / "a" / "out").exists()
    assert names(tmp_path / "a" / "out") == ["one"]
    assert names(tmp_path / "a") == ["out"]


def test_a_file_appears_when_it_is_whole(tmp_path: Path, dataset: Path) -> None:
    with new_file(tmp_path / "out.csv", dataset) as path:
        path.write_text("1")
        assert not (tmp_path / "out.csv").exists()
    assert (tmp_path / "out.csv").read_text() == "1"
    assert names(tmp_path) == ["dataset", "out.csv"]


def test_all_of_an_export_is_durable_before_it_has_its_name(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: set[int] = set()
    sync, sync_folder, publish = disk.sync, disk.sync_folder, disk.publish

    def record_publish(temporary: Path, final: Path) -> None:
        assert {path.stat().st_ino for path in (temporary, *temporary.rglob("*"))} <= durable
        publish(temporary, final)

    def record(descriptor: int) -> None:
        durable.add(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def record_folder(path: Path) -> None:
        durable.add(path.stat().st_ino)
        sync_folder(path)

    monkeypatch.setattr(disk, "sync", record)
    monkeypatch.setattr(disk, "sync_folder", record_folder)
    monkeypatch.setattr(disk, "publish", record_publish)
    with new_folder(tmp_path / "folder", dataset) as folder:
        for split in ("train", "test"):
            (folder / split).mkdir()
            for number in range(300):
                (folder / split / str(number)).write_text("1")
    with new_file(tmp_path / "file", dataset) as path:
        path.write_text("1")
    assert len(durable) >= 604


@pytest.mark.parametrize("new", [new_folder, new_file])
def test_a_write_that_the_disk_loses_is_an_error(
    tmp_path: Path, dataset: Path, new: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(disk, "sync", lose)
    with pytest.raises(OSError, match="Input/output error"), new(tmp_path / "out", dataset) as path:
        (path / "one" if path.is_dir() else path).write_text("1")
    assert names(tmp_path) == ["dataset"]


@pytest.mark.parametrize("new", [new_folder, new_file])
def test_an_export_that_fails_leaves_nothing(tmp_path: Path, dataset: Path, new: type) -> None:
    with pytest.raises(KeyboardInterrupt), new(tmp_path / "out", dataset):
        raise KeyboardInterrupt
    assert names(tmp_path) == ["dataset"]


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path: Path, dataset: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from batchgen.export import new_folder\n"
        "with new_folder(Path(sys.argv[1]), Path(sys.argv[2])) as folder:\n"
        "    (folder / 'half').write_text('1'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out"), str(dataset)])
    assert killed.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2
    assert not (tmp_path / "out").exists()
    with new_folder(tmp_path / "out", dataset) as folder:
        (folder / "whole").write_text("1")
    assert names(tmp_path / "out") == ["whole"]


def test_two_exports_to_one_place_do_not_mix(tmp_path: Path, dataset: Path) -> None:
    with new_folder(tmp_path / "out", dataset) as folder:
        (folder / "mine").write_text("1")
        with pytest.raises(ExportError, match="another export"), new_folder(tmp_path / "out", dataset):
            pass
        assert names(folder) == ["mine"]


@pytest.mark.parametrize("new", [new_folder, new_file])
def test_nothing_is_replaced(tmp_path: Path, dataset: Path, new: type) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(ExportError, match="exists already"), new(tmp_path / "out", dataset):
        pass
    assert (tmp_path / "out").read_text() == "precious"


def test_an_export_lies_beside_its_dataset(tmp_path: Path, dataset: Path) -> None:
    (tmp_path / "link").symlink_to(dataset)
    for place in (dataset / "out", dataset / "images" / "out", tmp_path / "link" / "out"):
        with pytest.raises(ExportError, match="beside"), new_folder(place, dataset):
            pass
    assert names(dataset) == []
