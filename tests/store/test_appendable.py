"""A file that grows takes a line whole or not at all, and what it has acknowledged as durable is."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from batchgen.store import LocalStore, disk
from batchgen.store.appendable import AppendableFile

LINES = [b"the first line of a file\n", b"the second line of it, a little longer\n", b"and the third\n"]


def begin(folder: Path) -> AppendableFile:
    return LocalStore(folder).create_log("segment", LINES[0])


def test_one_fsync_serves_all_who_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first fsync goes on, eleven others come; one more fsync is enough for all of them."""
    file = begin(tmp_path)
    begun, go_on = threading.Event(), threading.Event()
    syncs = []

    def slow(descriptor: int) -> None:
        syncs.append(descriptor)
        begun.set()
        assert go_on.wait(30)

    monkeypatch.setattr(disk, "sync", slow)
    file.append(LINES[1])
    first = threading.Thread(target=file.sync)
    first.start()
    assert begun.wait(30)
    for _ in range(11):
        file.append(LINES[1])
    others = [threading.Thread(target=file.sync) for _ in range(11)]
    for thread in others:
        thread.start()
    go_on.set()
    for thread in (first, *others):
        thread.join()
    file.close()
    assert len(syncs) == 2


class _Disk:
    """Takes so many bytes and then refuses, as a full disk does: in the middle of a line."""

    def __init__(self, room: int) -> None:
        self.room = room

    def append(self, descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[: self.room])
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(data)


def test_a_line_after_a_failed_write_is_not_glued_to_the_torn_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = begin(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "append", _Disk(20).append)
        with pytest.raises(OSError, match="No space"):
            file.append(LINES[1])
    file.append(LINES[2])
    file.close()
    assert (tmp_path / "segment").read_bytes() == LINES[0] + LINES[2]


def test_a_file_that_cannot_be_cut_back_takes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    file = begin(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "append", _Disk(20).append)
        patch.setattr(disk, "cut", refuse)
        with pytest.raises(OSError, match="No space"):
            file.append(LINES[1])
    with pytest.raises(OSError, match="Input/output error"):
        file.append(LINES[2])
    file.close()


def test_after_a_failed_fsync_nothing_is_acknowledged_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    file = begin(tmp_path)
    file.append(LINES[1])
    with monkeypatch.context() as patch:
        patch.setattr(disk, "sync", refuse)
        with pytest.raises(OSError, match="Input/output error"):
            file.sync()
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()
    with pytest.raises(OSError, match="Input/output error"):
        file.append(LINES[1])
    file.close()


def test_a_file_that_cannot_be_begun_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "append", _Disk(20).append)
    with pytest.raises(OSError, match="No space"):
        begin(tmp_path)
    assert not list(tmp_path.iterdir())
