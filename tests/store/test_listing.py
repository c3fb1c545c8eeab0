"""What is kept can be listed while another process keeps and removes files."""

from __future__ import annotations

from pathlib import Path

from batchgen.store import LocalStore
from batchgen.store.base import Entry


def test_a_file_that_vanishes_while_the_folder_is_listed_is_left_out(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for number in range(5):
        store.put(f"index/part-{number}", b"bytes")
    entries = store.list("index/")
    first = next(entries)
    for number in range(5):
        store.remove(f"index/part-{number}")
    assert first.size_bytes == len(b"bytes")
    assert list(entries) == []


def test_what_is_on_its_way_is_not_listed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with store.put_stream("index/part-1") as stream:
        stream.write(b"bytes")
        stream.flush()
        assert list(store.list("")) == []
    assert list(store.list("")) == [Entry("index/part-1", 5)]
