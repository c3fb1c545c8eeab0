"""One writer at a time: the second is told who holds the dataset, and a dead one holds nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.making import writing

from batchgen.core.errors import Locked
from batchgen.store.lock import Lock, is_held

HOLDER = """\
import sys, time
from pathlib import Path
from batchgen.store.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_a_second_writer_is_told_which_process_on_which_host_holds_the_dataset(out: Path) -> None:
    with (
        writing(out),
        pytest.raises(Locked, match=rf"being written by process {os.getpid()} on {socket.gethostname()} since 20"),
        writing(out),
    ):
        pass
    with writing(out):
        pass


def test_a_lock_that_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    path.parent.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_held(path)
        with pytest.raises(Locked, match=f"process {holder.pid} on"):
            Lock(path)
        os.kill(holder.pid, signal.SIGKILL)
    assert not is_held(path)
    Lock(path).release()


def test_a_reader_that_asks_whether_it_is_held_keeps_no_writer_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    Lock(path).release()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            is_held(path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(20):
            Lock(path).release()
    finally:
        done.set()
        asking.join()


def test_a_lock_file_without_sense_still_names_somebody(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    path.parent.mkdir()
    with Lock(path):
        path.write_bytes(b"\xff{")
        with pytest.raises(Locked, match="another process"):
            Lock(path)
