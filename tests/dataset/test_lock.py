"""One writer at a time: the second is told who holds the dataset, and a dead one holds nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, records_in, request, writing

from batchgen.core.errors import Locked
from batchgen.store import lock
from batchgen.store.lock import Lock, is_held

HOLDER = """\
import sys, time
from pathlib import Path
from batchgen.store.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""
# A machine whose kernel knows nothing of this one's locks and processes.
ELSEWHERE = """\
import fcntl, sys
fcntl.flock = lambda *_: None
from batchgen.store import holder, lock
holder._machine = lambda: sys.argv[2]
lock.WATCH_S = 1.5
"""


@contextmanager
def holding(program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds a lock until the block ends."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder
        finally:
            holder.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a lock whose folder is there."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder / "lock"


@pytest.fixture
def kernel_without_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every lock of the kernel is given to everybody."""
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)


def refuse_to_wait(_: float) -> None:
    raise AssertionError("nothing is to be waited for")


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


def test_the_lock_of_another_machine_is_seen_by_its_heartbeat(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WATCH_S", 10.0)
    with holding(ELSEWHERE + HOLDER, str(path), "another boot") as holder:
        assert is_held(path)
        with pytest.raises(Locked, match=f"process {holder.pid} on {socket.gethostname()} since 20"):
            Lock(path)
        holder.kill()
        holder.wait()
        monkeypatch.setattr(lock, "WATCH_S", 1.0)
        assert not is_held(path)
        with Lock(path) as taken:
            assert not taken.lost


@pytest.mark.usefixtures("kernel_without_effect")
def test_a_live_process_of_this_machine_is_known_without_its_heartbeat(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holding(HOLDER, str(path)) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        monkeypatch.setattr(time, "sleep", refuse_to_wait)
        with pytest.raises(Locked, match=f"process {holder.pid} on"):
            Lock(path)
        assert is_held(path)


def test_a_process_of_this_machine_that_is_gone_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = path.with_name("log")
    log.write_bytes(b"what it left")
    with holding(HOLDER, str(path)) as holder:
        holder.kill()
        holder.wait()
        monkeypatch.setattr(time, "sleep", refuse_to_wait)
        assert not is_held(path)
        Lock(path, lambda: [log]).release()


def test_a_process_id_that_was_given_again_holds_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holding(HOLDER, str(path)):
        text = json.loads(path.read_bytes())
    text |= {"pid": os.getpid(), "inode": path.stat().st_ino}
    path.write_text(json.dumps(text))
    monkeypatch.setattr(time, "sleep", refuse_to_wait)
    assert not is_held(path)
    Lock(path).release()
    assert not path.exists()


def test_of_two_machines_that_find_the_same_lock_dead_one_gets_it(path: Path) -> None:
    with holding(ELSEWHERE + HOLDER, str(path), "a third machine"):
        pass
    both = [
        subprocess.Popen(
            [sys.executable, "-c", ELSEWHERE + HOLDER, str(path), machine],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for machine in ("one", "two")
    ]
    try:
        said = {}
        for process in both:
            assert process.stdout is not None
            said[process] = process.stdout.readline()
        assert sorted(said.values()) == ["", "held\n"]
        (refused,) = (process for process, line in said.items() if not line)
        (holder,) = (process for process, line in said.items() if line)
        assert refused.stderr is not None
        assert f"being written by process {holder.pid} on" in refused.stderr.read()
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_a_log_that_somebody_writes_is_nobodys_to_recover(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WATCH_S", 10.0)
    log = path.with_name("log")
    log.write_bytes(b"entry")
    with holding(
        "import sys, time, pathlib\nlog = pathlib.Path(sys.argv[1])\nprint('held', flush=True)\n"
        "while True:\n    time.sleep(0.1)\n    log.touch()",
        str(log),
    ):
        with pytest.raises(Locked, match="being written by another process"):
            Lock(path, lambda: [log])
        assert not path.exists()


def test_a_holder_whose_file_is_gone_notices_and_still_shows_that_it_lives(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_S", 0.02)
    log = path.with_name("log")
    log.write_bytes(b"entry")
    with Lock(path, lambda: [log]) as held:
        held.confirm()
        path.unlink()
        while not held.lost:
            pass
        with pytest.raises(Locked, match="was removed or changed, so that another run could begin"):
            held.confirm()
        monkeypatch.setattr(lock, "WATCH_S", 10.0)
        with pytest.raises(Locked):
            Lock(path, lambda: [log])


@pytest.mark.usefixtures("kernel_without_effect")
def test_a_holder_that_slept_looks_before_it_sends_and_leaves_the_lock_of_the_next_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Lock(path)
    theirs = json.loads(path.read_bytes()) | {"token": "another", "pid": 4321, "host": "host-b"}
    path.unlink()
    path.write_text(json.dumps(theirs))
    monkeypatch.setattr(lock, "_CLOCK", time.CLOCK_REALTIME)  # far ahead: a long sleep
    with pytest.raises(Locked, match=r"is now held by process 4321 on host-b since .* this run sends nothing more"):
        held.confirm()
    held.release()
    assert json.loads(path.read_bytes()) == theirs


async def test_what_a_run_had_paid_for_is_kept_where_another_took_its_log_for_a_dead_ones(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_S", 0.02)
    with writing(out) as asleep:
        await asleep.sent(request(1), attempts())
        await asleep.save(request(1), answer(image(1)), attempts())
        await asleep.sent(request(2), attempts())
        monkeypatch.setattr(asleep._lock, "_beside", tuple)  # as if it were stopped
        FolderLayout(out).lock.unlink()
        with writing(out, run_id="other") as other:
            await other.save(request(3), answer(image(3)), attempts())
            while not asleep.lost:
                pass
            with pytest.raises(Locked):
                await asleep.sent(request(4), attempts())
            await asleep.save(request(2), answer(image(2)), attempts())
    with writing(out, run_id="third"):
        pass
    status = {record["row_id"]: record["status"] for record in records_in(out)}
    assert status == {"row-1": "ok", "row-2": "ok", "row-3": "ok"}
